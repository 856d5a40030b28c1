"""A SLURM template is accepted whole, or refused in one sentence: the key, the value, what is accepted."""

from pathlib import Path

import pytest

from tlfourier.sweep.backends.template import KEYS, TEMPLATE, read_template

WHOLE = """
jobs = 4
cores = 8
memory = "16 GiB"
walltime = "1-12:30:00"
queue = "compute,long"
account = "my-project"
job_cpu = 8
job_mem = "15.5GB"
job_name = "sweep_1"
interface = "ib0"
log_directory = "/scratch/my logs"
local_directory = "/tmp"
python = "/sw/python/bin/python"
shebang = "#!/usr/bin/env bash"
job_extra_directives = ["--constraint=genoa", "--exclusive"]
job_directives_skip = ["--mem"]
job_script_prologue = ["module load python/3.12", "source 'my env/bin/activate'"]
worker_extra_args = ["--lifetime", "25m"]
scheduler_options = { port = 8786, interface = "eth0" }
"""
REFUSED = {
    "jobs = 0": r"has jobs = 0: accepted is a whole number from 1 to 1000000$",
    f"jobs = {10**22}": "has jobs = 1(0+): accepted",
    "jobs = true": r"has jobs = True: accepted is a whole number from 1 to 1000000$",
    "jobs = 2.0": r"has jobs = 2\.0: accepted is a whole number from 1 to 1000000$",
    "cores = 0": r"has cores = 0: accepted is a whole number from 1 to 1000000$",
    "cores = -3": r"has cores = -3: accepted",
    'cores = "8"': r"has cores = '8': accepted",
    "memory = 16": r"has memory = 16: accepted is a size, as \"16GB\"$",
    'memory = "0GB"': "has memory = '0GB': accepted",
    'memory = "much"': "has memory = 'much': accepted",
    'walltime = "00:00:00"': "has walltime = '00:00:00': accepted is a time",
    'walltime = "tomorrow"': "has walltime = 'tomorrow': accepted is a time",
    "walltime = 04:00:00": r"has walltime = datetime\.time\(4, 0\): accepted is a time",
    'queue = "a\\n#SBATCH --uid=0"': r"has queue = 'a\\n#SBATCH --uid=0': accepted is one word without",
    'queue = ""': "has queue = '': accepted is one word without a dash in front$",
    'account = "two words"': "has account = 'two words': accepted is one word without a dash in front$",
    'job_script_prologue = "module load python"': "has job_script_prologue = 'module load p",
    'job_script_prologue = ["a\\nb"]': "has job_script_prologue = .*: accepted is a list of lines",
    "job_extra_directives = [1]": r"has job_extra_directives = \[1\]: accepted is a list of lines",
    'log_directory = "a\\u0000b"': "has log_directory = .*: accepted is one line of text$",
    'queue = "--uid=0"': "has queue = '--uid=0': accepted",
    "scheduler_options = { port = 65536 }": "has scheduler_options = .*: accepted is a table with",
    "scheduler_options = { port = 0 }": "has scheduler_options = .*: accepted is a table with",
    'scheduler_options = "port"': "has scheduler_options = 'port': accepted is a table with",
    "partition = 1": "has an unknown key 'partition': accepted are jobs, cores",
    "walltimes = 1": "has an unknown key 'walltimes': did you mean 'walltime'\\?$",
    "processes = 2": "has an unknown key 'processes'",
    f'queue = "{"x" * 5000} "': "has queue = 'x{159}…: accepted is one word without a dash in front$",
}


def test_the_template_of_the_package_and_one_with_every_key_are_accepted(tmp_path: Path) -> None:
    assert read_template(TEMPLATE)["cores"] >= 1
    mine = tmp_path / "mine.toml"
    mine.write_text(WHOLE)
    assert set(read_template(mine)) == set(KEYS)


def test_what_is_lacking_or_no_toml_is_named(tmp_path: Path) -> None:
    mine = tmp_path / "mine.toml"
    mine.write_text("jobs = 3\ncores = 2\n")
    with pytest.raises(ValueError, match=r"mine\.toml lacks memory, walltime: see slurm\.toml"):
        read_template(mine)
    for content in (b"jobs = ", b"jobs = \xff", b"jobs = " + b"[" * 5000):
        mine.write_bytes(content)
        with pytest.raises(ValueError, match=r"mine\.toml cannot be read"):
            read_template(mine)


@pytest.mark.parametrize("line", REFUSED)
def test_a_value_that_is_not_accepted_is_refused(line: str, tmp_path: Path) -> None:
    name = line.partition(" = ")[0]
    others = [given for given in WHOLE.splitlines() if not given.startswith(f"{name} =")]
    mine = tmp_path / "mine.toml"
    mine.write_text("\n".join([*others, line]))
    with pytest.raises(ValueError, match=REFUSED[line]) as caught:
        read_template(mine)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 600
