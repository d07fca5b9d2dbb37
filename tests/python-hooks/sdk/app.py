"""Web pages, as LeanCloud's project to begin with has them."""

from flask import Flask, jsonify, render_template
from flask_sockets import Sockets
from werkzeug.middleware.proxy_fix import ProxyFix

app = Flask(__name__)
app.wsgi_app = ProxyFix(app.wsgi_app)
app.config["JSON"] = True
sockets = Sockets(app)


@app.route("/")
def index():
    return render_template("index.html")


@sockets.route("/echo")
def echo_socket(socket):
    socket.send(jsonify({}))
