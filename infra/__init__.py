"""What the application runs on: the CloudFormation template, and the same stack on a laptop (`infra.local`)."""
