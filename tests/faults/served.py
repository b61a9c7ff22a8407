"""A Flask application for gunicorn: keys are fetched before the workers fork."""

from __future__ import annotations

import os
import threading
import time

from flask import Flask

from mindpeeker_guard import Guard, JWTBearer, RemoteKeySet
from mindpeeker_guard.flask import current_principal, init_app, require_scopes

keys = RemoteKeySet(os.environ["FAULTS_JWKS"], timeout=30, connect_timeout=30)
guard = Guard(JWTBearer(keys=keys))
guard.warm_up()

app = Flask(__name__)
init_app(app, guard)


@app.get("/")
@require_scopes("remote-viewing:read")
def whoami():
    time.sleep(0.02)  # so that no worker takes all of the requests
    fetching = [one.name for one in threading.enumerate() if one.name == "mindpeeker-guard"]
    return {"pid": os.getpid(), "sub": current_principal.subject, "kids": [*keys.health().keys], "fetching": fetching}
