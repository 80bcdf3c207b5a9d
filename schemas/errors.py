"""The errors that a user can cause. Anything else that is raised is a bug."""


class UserError(Exception):
    """Its message is the one line that a person sees: what is wrong, where, and what to do."""
