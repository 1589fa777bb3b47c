#!/bin/sh
# Deploys the built functions and layers: infra/deploy.sh STAGE ARCH
#
# Reads the stage's parameters from samconfig.toml. Adds the processor architecture that everything was built for and, if it is
# set, the address in ALARM_EMAIL. All are passed on the command line, because `sam deploy` ignores the parameters in the file
# if it gets any on the command line.
set -eu
cd "$(dirname "$0")/.."
stage=$1
arch=$2

read_parameters='
import sys, tomllib
stage, arch, email = sys.argv[1:4]
parameters = tomllib.load(open("samconfig.toml", "rb"))[stage]["deploy"]["parameters"]["parameter_overrides"]
chosen = dict(each.split("=", 1) for each in parameters) | {"Architecture": arch}
print(*(f"{name}={value}" for name, value in (chosen | ({"AlarmEmail": email} if email else {})).items()))
'
# The values contain no spaces.
# shellcheck disable=SC2046
exec target/tools/sam/bin/sam deploy --config-env "$stage" --parameter-overrides \
    $(target/tools/sam/bin/python -c "$read_parameters" "$stage" "$arch" "${ALARM_EMAIL:-}")
