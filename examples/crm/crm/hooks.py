app_name = "crm"
app_title = "CRM"
app_publisher = "Ma Société"
app_description = "Opportunities of a small company"
app_email = "hello@masociete.test"
app_license = "MIT"

# Mail sent to an account whose "Append To" is Opportunity becomes one. This line is all it takes.
email_append_to = ["Opportunity"]
