"""The errors that are shown to the user as one sentence, without a traceback."""


class UserError(Exception):
    """Something the user can mend; the message is one sentence that says what and how."""


class Unsupported(UserError):
    """The installed version of a solver cannot do this yet, or no longer."""
