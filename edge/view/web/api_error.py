"""What is answered to a request that is not carried out."""

from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from edge.service.commands import CommandError, ErrorCode

STATUS = {
    ErrorCode.MALFORMED: HTTPStatus.BAD_REQUEST,
    ErrorCode.OVERSIZED: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    ErrorCode.UNKNOWN: HTTPStatus.BAD_REQUEST,
    ErrorCode.UNAUTHORISED: HTTPStatus.FORBIDDEN,
    ErrorCode.REFUSED: HTTPStatus.FORBIDDEN,
    ErrorCode.FAILED: HTTPStatus.CONFLICT,
    ErrorCode.BUSY: HTTPStatus.SERVICE_UNAVAILABLE,
}
"""Of a command that the daemon does not carry out."""


class ApiError(Exception):
    """A request that is not carried out; nothing was changed.

    Args:
        status: of the answer.
        code: for programs.
        message: for people.
    """

    def __init__(self, status: HTTPStatus, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code

    @classmethod
    def of(cls, error: CommandError) -> "ApiError":
        """Return what is answered where a command was not carried out."""
        return cls(STATUS[error.code], error.code.value, str(error))

    @property
    def response(self) -> Response:
        """The answer."""
        headers = {"WWW-Authenticate": "Bearer"} if self.status == HTTPStatus.UNAUTHORIZED else {}
        body = {"error": {"code": self.code, "message": str(self)}}
        return JSONResponse(body, self.status, headers)


def answer_refusal(_request: Request, error: Exception) -> Response:
    """Answer a request that was refused."""
    assert isinstance(error, ApiError)
    return error.response
