"""Deploys a stage: its network, its database, the application, in this order, each a CloudFormation stack."""
