from frappe.model.document import Document


class Opportunity(Document):
	def validate(self):
		if not self.party_name:
			self.party_name = self.contact_email
