app_name = "crm"
app_title = "CRM"
app_publisher = "Ma Société"
app_description = "Opportunities of a small company"
app_email = "hello@masociete.test"
app_license = "MIT"

# Mail sent to an account whose "Append To" is Opportunity becomes one. This line is all it takes.
email_append_to = ["Opportunity"]

# What follows is for those who want more: see docs/apps.md.

# Before a mail is placed: choose its document, refuse it, or leave it (None).
mail_before_place = ["crm.mail.choose"]

# After it is stored.
mail_after_store = ["crm.mail.look_again"]

# Before a mail is sent, for each recipient.
mail_before_send = ["crm.mail.name_opportunity"]
