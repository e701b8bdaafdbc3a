"""What `kubectl apply --validate=strict` checks of Istio's objects: the CRDs' structural schemas, unknown fields included.
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
