"""`gravel sync` against a real API whose statuses the test writes: orders, health, and what stops a sync."""

import asyncio

import pytest
import yaml

from gravel.sync.argo_cd import health, waves
from gravel.sync.flux import FluxError, judged_by, kstatus, kustomizations_in
from gravel.sync.stages import FAILED, WAITING, WELL
from issuer_bridge.manifests import Manifest
from issuer_bridge.resources import CERTIFICATE, CLUSTER_ISSUER, CONFIG_MAP, KINDS, POD, SECRET
from tests.embedded_api import new_store, serving
from tests.gravel.test_client_verbs import House

QUICK = ("--wave-delay", "0", "--poll", "0.05", "--timeout", "30")
BY_KIND = {kind.kind: kind for kind in KINDS}


def manifest(kind, name, **annotations):
    written = {f"argocd.argoproj.io/{key.replace('_', '-')}": value for key, value in annotations.items()}
    return Manifest("x", BY_KIND[kind], {"metadata": {"name": name, "annotations": written}})


def test_waves_are_ordered_by_phase_wave_kind_and_name():
    given = [
        manifest("Pod", "b", hook="PostSync", sync_wave="-9"),
        manifest("Certificate", "c", sync_wave="1"),
        manifest("Pod", "b", sync_wave="no number"),
        manifest("Pod", "a"),
        manifest("Certificate", "a"),
        manifest("Secret", "z", sync_wave="0"),
        manifest("ClusterIssuer", "i", sync_wave="-1"),
        manifest("Secret", "first", hook="PreSync"),
        manifest("Secret", "never", hook="Skip"),
    ]
    found = [(title, [each.resource["metadata"]["name"] for each in wave]) for title, wave in waves(given)]
    assert found == [
        ("PreSync wave 0", ["first"]),
        ("wave -1", ["i"]),
        ("wave 0", ["z", "a", "b", "a"]),
        ("wave 1", ["c"]),
        ("PostSync wave -9", ["b"]),
    ]


def status(**conditions):
    return {"conditions": [{"type": key, "status": value, "message": "why"} for key, value in conditions.items()]}


@pytest.mark.seed("B46")
@pytest.mark.parametrize(
    ("kind", "found", "argo_cd", "flux"),
    [
        (CERTIFICATE, None, WAITING, WAITING),
        (CERTIFICATE, {}, WAITING, WELL),
        (CERTIFICATE, status(Issuing="True", Ready="False"), WAITING, WAITING),
        (CERTIFICATE, status(Issuing="True", Ready="True"), WAITING, WELL),
        (CERTIFICATE, status(Ready="False"), FAILED, WAITING),
        (CERTIFICATE, status(Issuing="False", Ready="True"), WELL, WELL),
        (CLUSTER_ISSUER, {}, WAITING, WELL),
        (CLUSTER_ISSUER, status(Ready="False"), FAILED, WAITING),
        (CLUSTER_ISSUER, status(Ready="True"), WELL, WELL),
        (SECRET, {}, WELL, WELL),
        (POD, {"phase": "Running"}, WAITING, WELL),
        (POD, {"phase": "Running", **status(Ready="True")}, WELL, WELL),
        (POD, {"phase": "Failed"}, FAILED, WELL),
        (CERTIFICATE, {"observedGeneration": 1, **status(Ready="True")}, WELL, WAITING),
        (CERTIFICATE, status(Stalled="True"), WAITING, FAILED),
        (CERTIFICATE, status(Reconciling="True", Ready="True"), WELL, WAITING),
    ],
)
def test_an_object_is_healthy_as_each_tool_sees_it(kind, found, argo_cd, flux):
    resource = found if found is None else {"metadata": {"generation": 2}, "status": found}
    assert (health(kind, resource).state, kstatus(kind, resource).state) == (argo_cd, flux)


def document(kind, name, wave, **spec):
    metadata = {"name": name, "annotations": {"argocd.argoproj.io/sync-wave": str(wave)}}
    return {"apiVersion": BY_KIND[kind].api_version, "kind": kind, "metadata": metadata, "spec": spec}


CERTIFICATE_SPEC = {"secretName": "x", "dnsNames": ["a.test"], "issuerRef": {"name": "x"}}
POD_SPEC = {"containers": [{"name": "x", "image": "x"}]}


@pytest.fixture
async def house(tmp_path):
    store = new_store()
    documents = [document("Pod", "www", 1, **POD_SPEC), document("Certificate", "www", -1, **CERTIFICATE_SPEC)]
    (tmp_path / "waves").mkdir()
    (tmp_path / "waves/all.yaml").write_text(yaml.safe_dump_all(documents))
    async with serving(store) as url:
        yield House(store, url)


def tell(house, name="www", **conditions):
    resource = house.store.get(CERTIFICATE, "default", name)
    house.store.replace_status(CERTIFICATE, {**resource, "status": status(**conditions)})


@pytest.mark.seed("B46")
async def test_a_wave_waits_for_the_one_before_it_and_what_is_degraded_ends_the_sync(house, tmp_path):
    begun = asyncio.Event()
    house.when_added(CERTIFICATE, begun.set)
    running = asyncio.create_task(house.run("sync", str(tmp_path / "waves"), *QUICK))
    await begun.wait()
    tell(house, Issuing="True", Ready="False")
    await asyncio.sleep(0.2)
    assert house.store.get(POD, "default", "www") is None
    tell(house, Ready="False")
    code, out, _ = await running
    assert (code, house.store.get(POD, "default", "www")) == (1, None)
    assert out.splitlines()[-1] == "wave -1: certificate.cert-manager.io/www failed: why"
    tell(house, Ready="True")
    code, out, _ = await house.run("sync", str(tmp_path / "waves"), *QUICK)
    assert (code, out.splitlines()[-1]) == (0, "wave 1: pod/www created")


async def test_the_time_may_be_up_and_what_the_api_refuses_ends_the_sync(house, tmp_path):
    code, _, complaint = await house.run("sync", str(tmp_path / "waves"), *QUICK[:-1], "0.3")
    assert (code, complaint, house.store.get(POD, "default", "www")) == (1, "gave up after 0.3 s\n", None)
    refused = [document("Certificate", "no", -1, dnsNames=[]), document("Pod", "www", 1, **POD_SPEC)]
    (tmp_path / "waves/all.yaml").write_text(yaml.safe_dump_all(refused))
    code, out, _ = await house.run("sync", str(tmp_path / "waves"), *QUICK)
    assert (code, "secretName" in out, house.store.get(POD, "default", "www")) == (1, True, None)


def kustomization(name, *depends_on, **spec):
    others = [{"name": other} for other in depends_on]
    metadata, version = {"name": name, "namespace": "flux-system"}, "kustomize.toolkit.fluxcd.io/v1"
    spec = {"interval": "1m", "path": f"./{name}", "dependsOn": others, **spec}
    return {"apiVersion": version, "kind": "Kustomization", "metadata": metadata, "spec": spec}


def write(folder, *kustomizations):
    (folder / "all.yaml").write_text(yaml.safe_dump_all(kustomizations))
    files = {"a": document("Certificate", "www", 0, **CERTIFICATE_SPEC), "b": document("Pod", "www", 0, **POD_SPEC)}
    files["c"] = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "alone"}, "data": {}}
    for name, one in files.items():
        (folder / name).mkdir(exist_ok=True)
        (folder / name / "one.yaml").write_text(yaml.safe_dump(one))


READY = "status.conditions.exists(e, e.type == 'Ready' && e.status == 'True')"
EXPRESSIONS = [{"apiVersion": "cert-manager.io/v1", "kind": "Certificate", "current": READY}]


@pytest.mark.seed("B46")
async def test_a_kustomization_waits_until_what_it_depends_on_is_healthy_and_others_do_not(house, tmp_path):
    write(
        tmp_path,
        kustomization("b", "a"),
        kustomization("a", wait=True, healthCheckExprs=EXPRESSIONS),
        kustomization("c"),
    )
    begun = [asyncio.Event(), asyncio.Event()]
    for kind, event in zip((CERTIFICATE, CONFIG_MAP), begun, strict=True):
        house.when_added(kind, event.set)
    running = asyncio.create_task(house.run("sync", str(tmp_path), "--as", "flux", *QUICK))
    for event in begun:
        await event.wait()
    await asyncio.sleep(0.2)
    assert house.store.get(POD, "default", "www") is None
    tell(house, Ready="True")
    code, out, _ = await running
    assert (code, out.splitlines()[-1]) == (0, "flux-system/b: pod/www created")


@pytest.mark.parametrize(
    ("spec", "created"),
    [
        ({"wait": True}, True),  # kstatus takes an object without a status for current
        ({}, True),
        ({"wait": True, "healthCheckExprs": EXPRESSIONS, "timeout": "300ms"}, False),
        (
            {
                "healthChecks": [{"kind": "Certificate", "name": "www"}],
                "healthCheckExprs": EXPRESSIONS,
                "timeout": "1ms",
            },
            False,
        ),
    ],
)
async def test_without_a_health_check_a_dependency_says_nothing_about_a_certificate(house, tmp_path, spec, created):
    write(tmp_path, kustomization("a", **spec), kustomization("b", "a"))
    code, out, _ = await house.run("sync", str(tmp_path), "--as", "flux", *QUICK)
    assert (code, house.store.get(POD, "default", "www") is not None) == (0 if created else 1, created)
    if not created:
        assert "flux-system/a health check failed after" in out
        assert out.splitlines()[-1] == "flux-system/b: flux-system/a dependency is not ready"


@pytest.mark.parametrize(
    ("kustomizations", "complaint"),
    [
        (
            [kustomization("a", "b"), kustomization("b", "a")],
            "in a circle, and would wait for ever: flux-system/a, flux-sys",
        ),
        ([kustomization("b", "a")], "flux-system/b: dependency 'flux-system/a' not found"),
        ([kustomization("a", images=[{"name": "x"}])], "flux-system/a: spec.images is not known here"),
        ([], "holds no Kustomization of kustomize.toolkit.fluxcd.io"),
    ],
)
async def test_what_could_never_be_ready_is_refused_at_once(house, tmp_path, kustomizations, complaint):
    write(tmp_path, *kustomizations)
    code, _, said = await house.run("sync", str(tmp_path), "--as", "flux")
    assert (code, complaint in said) == (1, True), said


def test_an_expression_that_is_none_is_told_and_what_is_not_there_makes_it_false(tmp_path):
    write(tmp_path, kustomization("a", wait=True, healthCheckExprs=EXPRESSIONS))
    (one,) = kustomizations_in(tmp_path).values()
    assert judged_by(one, CERTIFICATE, {"metadata": {}}).state == WAITING
    one.spec["healthCheckExprs"][0]["current"] = "status.("
    with pytest.raises(FluxError, match="healthCheckExprs: "):
        judged_by(one, CERTIFICATE, {"metadata": {}})
