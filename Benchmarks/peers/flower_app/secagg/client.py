"""A client that hands back the model that it was given, under SecAgg+'s masks."""

from flwr.client import NumPyClient
from flwr.client.mod import secaggplus_mod
from flwr.clientapp import ClientApp


class Client(NumPyClient):
    def fit(self, parameters, config):
        return parameters, 1000, {}


app = ClientApp(client_fn=lambda context: Client().to_client(), mods=[secaggplus_mod])
