"""The load balancer's example is one that it understands."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

DOCUMENT = Path(__file__).parents[2] / "docs" / "scaling.md"


def test_nginx_understands_the_example(tmp_path: Path) -> None:
    nginx = shutil.which("nginx")
    if nginx is None:
        pytest.skip("nginx is not installed, and nothing else needs it")
    certificate, key = tmp_path / "hotpin.pem", tmp_path / "hotpin.key"
    make = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=hotpin"]
    subprocess.run([*make, "-keyout", key, "-out", certificate], check=True, capture_output=True)
    (example,) = re.findall(r"```nginx\n(.*?)```", DOCUMENT.read_text(), re.DOTALL)
    example = example.replace("/etc/ssl/hotpin.pem", str(certificate)).replace("/etc/ssl/hotpin.key", str(key))
    paths = "".join(
        f"{name}_temp_path {tmp_path / name};\n" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    file = tmp_path / "nginx.conf"
    file.write_text(
        f"pid {tmp_path}/pid;\nevents {{}}\nhttp {{\naccess_log off;\nerror_log stderr;\n{paths}{example}}}\n"
    )
    command = [nginx, "-t", "-c", str(file), "-g", "error_log stderr;"]
    checked = subprocess.run(command, check=False, capture_output=True, text=True)
    assert checked.returncode == 0, checked.stderr
