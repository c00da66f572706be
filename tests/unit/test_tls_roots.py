"""The certificates that ship: roots of Amazon RDS that sign themselves, valid for long, each once."""

from __future__ import annotations

import datetime as dt
import re
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID

from chalicelib.settings import database_tls

FILE = Path(__file__).parents[2] / "chalicelib" / "rds-roots.pem"
ROOTS = x509.load_pem_x509_certificates(FILE.read_bytes())
SOON = dt.datetime.now(dt.UTC) + dt.timedelta(days=365)


def name(root: x509.Certificate) -> str:
    return str(root.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value)


@pytest.mark.parametrize("root", ROOTS, ids=name)
def test_a_root_signs_itself_and_is_valid_for_another_year(root: x509.Certificate) -> None:
    root.verify_directly_issued_by(root)
    assert root.not_valid_before_utc < dt.datetime.now(dt.UTC)
    assert root.not_valid_after_utc > SOON, "renew the file: its head says how"
    assert root.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    assert re.fullmatch(r"Amazon RDS [a-z]+(-[a-z]+)+-\d Root CA (RSA2048|RSA4096|ECC384) G1", name(root))


def test_each_region_has_all_three_kinds_once() -> None:
    assert len({name(root) for root in ROOTS}) == len(ROOTS)
    regions = {name(root).split()[2] for root in ROOTS}
    assert len(ROOTS) == 3 * len(regions)
    assert {"us-east-1", "eu-central-1", "ap-northeast-1", "sa-east-1"} <= regions


@pytest.mark.parametrize("stage", ["dev", "production", "locals"])
def test_no_stage_but_the_laptops_goes_without_tls(stage: str) -> None:
    off = {"DECANT_DATABASE_TLS": "off"}
    assert database_tls({**off, "DECANT_STAGE": "local"}) == "off"
    assert database_tls({"DECANT_STAGE": stage}) == "verify-full"
    with pytest.raises(Exception, match=f"off in the stage '{stage}'"):
        database_tls({**off, "DECANT_STAGE": stage})
