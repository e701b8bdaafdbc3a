"""What `kubectl apply --validate=strict` checks: of Istio's objects the CRDs' structural schemas, of Kubernetes' own the types as client-go
carries them; unknown fields included.
The rules in CEL (x-kubernetes-validations) are not evaluated: istioctl knows the same rules."""
import jsonschema
import yaml


def strict(schema):
    """The structural schema with every field that it does not name forbidden."""
    schema = dict(schema)
    if schema.get("x-kubernetes-int-or-string"):
        return {"type": ["integer", "string"]}
    if "properties" in schema:
        schema["properties"] = {name: strict(each) for name, each in schema["properties"].items()}
        if not schema.get("x-kubernetes-preserve-unknown-fields") and "additionalProperties" not in schema:
            schema["additionalProperties"] = False
    if isinstance(schema.get("additionalProperties"), dict):
        schema["additionalProperties"] = strict(schema["additionalProperties"])
    if "items" in schema:
        schema["items"] = strict(schema["items"])
    return schema


class CustomResources:
    def __init__(self, definitions):
        self.schemas = {}
        for crd in yaml.load_all(definitions, Loader=yaml.CSafeLoader):
            spec = crd["spec"]
            for version in spec["versions"]:
                schema = version["schema"]["openAPIV3Schema"]
                # As in the API server: what every object has is not in the CRD's schema.
                whole = strict({**schema, "properties": {**schema["properties"], "metadata": {
                    "type": "object", "x-kubernetes-preserve-unknown-fields": True}}})
                whole["properties"] |= {"apiVersion": {"type": "string"}, "kind": {"type": "string"}}
                self.schemas[(f"{spec['group']}/{version['name']}", spec["names"]["kind"])] = \
                    jsonschema.Draft4Validator(whole)

    def mistakes(self, manifest):
        """None: not one of Istio's kinds."""
        validator = self.schemas.get((manifest.get("apiVersion"), manifest.get("kind")))
        if validator is None:
            return None
        return [f"{'.'.join(map(str, error.absolute_path))}: {error.message[:200]}"
                for error in validator.iter_errors(manifest)]


class BuiltIn:
    """Kubernetes' own kinds: the types that client-go has for server-side apply (structured-merge-diff)."""
    KINDS = {("v1", "Service"): "io.k8s.api.core.v1.Service",
             ("discovery.k8s.io/v1", "EndpointSlice"): "io.k8s.api.discovery.v1.EndpointSlice",
             ("networking.k8s.io/v1", "NetworkPolicy"): "io.k8s.api.networking.v1.NetworkPolicy"}
    SCALARS = {"string": str, "numeric": (int, float), "boolean": bool}

    def __init__(self, types):
        self.types = {each["name"]: each for each in yaml.load(types, Loader=yaml.CSafeLoader)["types"]}

    def mistakes(self, manifest):
        """None: a kind that is not looked up here."""
        name = self.KINDS.get((manifest.get("apiVersion"), manifest.get("kind")))
        return None if name is None else list(self.of({"namedType": name}, manifest, ""))

    def of(self, kind, value, path):
        kind = self.types[kind["namedType"]] if "namedType" in kind else kind
        if "scalar" in kind:
            wanted = self.SCALARS.get(kind["scalar"])  # None: untyped, such as IntOrString
            if wanted and (not isinstance(value, wanted) or isinstance(value, bool) != (wanted is bool)):
                yield f"{path}: {value!r} is no {kind['scalar']}"
        elif "list" in kind:
            if not isinstance(value, list):
                yield f"{path}: {value!r} is no list"
                return
            for index, each in enumerate(value):
                yield from self.of(kind["list"]["elementType"], each, f"{path}.{index}")
        elif "map" in kind:
            if not isinstance(value, dict):
                yield f"{path}: {value!r} is no map"
                return
            fields = {each["name"]: each["type"] for each in kind["map"].get("fields", [])}
            for key, each in value.items():
                inner = fields.get(key) or kind["map"].get("elementType")
                if inner is None:
                    yield f"{path}: unknown field {key}"
                else:
                    yield from self.of(inner, each, f"{path}.{key}")
