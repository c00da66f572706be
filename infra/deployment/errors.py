"""What a person who deploys is told when it can't be done."""


class DeploymentError(Exception):
    """A stage can't be deployed or destroyed; the message says what happened, where, and what to do."""
