"""What LocalStack needs to run without Docker: functions as processes, DynamoDB in memory."""

__version__ = "1"
