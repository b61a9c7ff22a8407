"""A Flask application that knows nothing of tests: its guard points at the real issuer."""

from flask import Flask

from mindpeeker_guard import Guard, JWTBearer
from mindpeeker_guard.flask import current_principal, init_app, require_scopes

app = Flask(__name__)
init_app(app, Guard(JWTBearer()), default="deny")


@app.get("/v1/sessions")
@require_scopes("remote-viewing:read")
def sessions():
    return {"sub": current_principal.subject}
