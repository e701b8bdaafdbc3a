"""The suite's policies: no error of istioctl, no warning but the wanted ones, no mistake against Kubernetes' schemas, and
a comment in each file that says what it guarantees and what not. Every checker is shown a mistake first: one that finds
nothing there proves nothing here."""
import json
import os
import pathlib
import subprocess
import sys
import tempfile

import yaml

from schema import BuiltIn, CustomResources

PROGRAM, ROOT = sys.argv[1], pathlib.Path(sys.argv[2])
SUITE = ROOT / "scenarios"
RECOMMENDED = "P8h"


def toolchain():
    version = dict(line.split("=", 1) for line in (ROOT / "setup/versions.env").read_text().splitlines()
                   if "=" in line and not line.startswith("#"))["ISTIO_VERSION"].strip("\"'")
    cache = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache")
    return pathlib.Path(os.environ.get("EGRESSPROOF_TOOLCHAIN") or cache / f"egressproof/istio-{version}")


TOOLS = toolchain()
ISTIOCTL = str(TOOLS / "istioctl")


def run(argv):
    return subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)


def analyzed(namespace, files):
    """(file, code, "KIND NAME", level, message) of each finding; an error of istioctl itself is a finding too."""
    done = run([ISTIOCTL, "analyze", "--use-kube=false", "-o", "json", "-n", namespace, *map(str, files)])
    try:
        findings = json.loads(done.stdout or "[]")
    except json.JSONDecodeError:
        return [("", "analyze", "", "Error", done.stdout + done.stderr)]
    told = []
    for one in findings:
        kind, name = one["origin"].split(" ", 1) if " " in one["origin"] else (one["origin"], "")
        file = one.get("reference", "").rsplit(":", 1)[0]
        told.append((pathlib.Path(file).name, one["code"], f"{kind} {name.split('/')[-1]}", one["level"], one["message"]))
    if done.returncode != 0 and not told:
        told.append(("", "analyze", "", "Error", done.stderr))
    return told


def validated(file):
    done = run([ISTIOCTL, "validate", "-f", str(file)])
    text = done.stdout + done.stderr
    told = []
    for line in text.splitlines():
        line = line.strip()
        if done.returncode != 0 and line:
            told.append((file.name, "validate", "", "Error", line))
        elif line.startswith("* "):
            origin, message = line[2:].split(": ", 1)
            parts = origin.split("/")
            told.append((file.name, "validate", f"{parts[0]} {parts[-1]}", "Warning", message))
    return told


def wanted_warnings():
    rows = []
    for line in (ROOT / "tests/policies/wanted_warnings.tsv").read_text().splitlines():
        if line.startswith("#") or not line.strip():
            continue
        fields = line.split("\t")
        assert len(fields) == 5 and all(fields), f"a wanted warning has five fields: {line}"
        rows.append(tuple(fields))
    return rows


def header_of(text):
    lines = []
    for line in text.splitlines():
        if not line.startswith("#"):
            break
        lines.append(line[1:].strip())
    return lines


def header_mistakes(text):
    lines = header_of(text)
    mistakes = []
    for mark in ("Guarantees: ", "Does not guarantee: "):
        found = [line for line in lines if line.startswith(mark)]
        if len(found) != 1 or len(found[0]) < len(mark) + 20:
            mistakes.append(f"its comment does not say once '{mark}...'")
    return mistakes


def network_policies_read(suite):
    """The program's own strict reader, which the lab's emulation uses."""
    done = run([PROGRAM, "validate", str(suite)])
    return done.returncode == 0, done.stdout + done.stderr


def expect_found(what, found):
    if not found:
        sys.exit(f"the check proves nothing: {what} was not told")


def mistakes_of(schemas, manifest):
    """None: no schema has its kind."""
    told = [schema.mistakes(manifest) for schema in schemas]
    return next((each for each in told if each is not None), None)


def prove_checkers(schemas):
    good = SUITE / "policies/registry-only.yaml"
    with tempfile.TemporaryDirectory() as folder:
        bad = pathlib.Path(folder) / "bad.yaml"
        bad.write_text(good.read_text().replace("REGISTRY_ONLY", "REGISTRY_OLNY"))
        expect_found("an unknown mode (validate)", [one for one in validated(bad) if one[3] == "Error"])
        expect_found("an unknown mode (analyze)", [one for one in analyzed("tenant-x", [bad]) if one[3] == "Error"])
        expect_found("an unknown mode (schema)", mistakes_of(schemas, yaml.safe_load(bad.read_text())))
        typo = yaml.safe_load(good.read_text().replace("outboundTrafficPolicy", "outboundTraficPolicy"))
        expect_found("an unknown field (schema)", mistakes_of(schemas, typo))
        service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "a"}, "spec": {"ports": [{"port": 80, "targetPort": "http"}]}}
        if mistakes_of(schemas, service):
            sys.exit(f"a correct Service is refused: {mistakes_of(schemas, service)}")
        for port in ({"prot": 80}, {"port": "80"}, 80):
            service["spec"]["ports"] = [port]
            expect_found(f"a port {port} of a Service (schema)", mistakes_of(schemas, service))
        expect_found("a file without comment", header_mistakes("kind: Sidecar\n"))
        suite = pathlib.Path(folder) / "suite"
        run(["cp", "-r", str(SUITE), str(suite)])
        policy = suite / "policies/network-policy-p8h.yaml"
        policy.write_text(policy.read_text().replace("podSelector: {}", "podSelectr: {}", 1))
        expect_found("an unknown field of a NetworkPolicy", not network_policies_read(suite)[0])


def main():
    missing = [name for name in ("istioctl", "crd-all.gen.yaml", "kubernetes-types.yaml") if not (TOOLS / name).exists()]
    if missing:
        sys.exit(f"{TOOLS} lacks {', '.join(missing)}: run setup/toolchain.sh")
    schemas = [CustomResources((TOOLS / "crd-all.gen.yaml").read_text()), BuiltIn((TOOLS / "kubernetes-types.yaml").read_text())]
    prove_checkers(schemas)

    files = sorted((SUITE / "policies").glob("*.yaml"))
    profiles = yaml.safe_load((SUITE / "profiles.yaml").read_text())["profiles"]
    used = {name for profile in profiles
            for name in profile.get("policies", []) + profile.get("change", {}).get("add", [])}
    problems = [f"policies/{file.name}: no profile applies it" for file in files if f"policies/{file.name}" not in used]

    findings = []
    for file in files:
        text = file.read_text()
        problems += [f"policies/{file.name}: {each}" for each in header_mistakes(text)]
        findings += validated(file)
        for manifest in yaml.safe_load_all(text):
            mistakes = mistakes_of(schemas, manifest)
            if mistakes is None:
                problems.append(f"policies/{file.name}: no schema for {manifest['apiVersion']} {manifest['kind']}")
            problems += [f"policies/{file.name}: {each}" for each in mistakes or []]
    # As they are applied: what one namespace gets, together.
    namespaces = {}
    for profile in profiles:
        names = namespaces.setdefault(profile.get("namespace", "tenant-" + profile["name"].lower()), [])
        names += [name for name in profile.get("policies", []) if name not in names]
    for namespace, names in namespaces.items():
        if names:
            findings += analyzed(namespace, [SUITE / name for name in names])
    read, told = network_policies_read(SUITE)
    if not read:
        problems.append(told)

    unseen = set(wanted_warnings())
    for file, code, origin, level, message in findings:
        wanted = [row for row in wanted_warnings() if row[:3] == (file, code, origin) and row[3] in message]
        unseen -= set(wanted)
        if level == "Error" or not wanted:
            problems.append(f"policies/{file}: {level} {code} of {origin}: {message}")
    problems += [f"wanted, but not told any more: {' '.join(row[:4])}" for row in sorted(unseen)]

    readme = (ROOT / "README.md").read_text()
    recommended = next(profile for profile in profiles if profile["name"] == RECOMMENDED)
    problems += [f"README.md does not name {name}, of the recommended set" for name in recommended["policies"]
                 if f"scenarios/{name}" not in readme]
    if problems:
        sys.exit("\n".join(sorted(set(problems))))
    print(f"{len(files)} files in {len(namespaces)} namespaces; {len(wanted_warnings())} warnings as wanted")


main()
