#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Runs a command with certificates made by openssl, in the directory that
AC_TEST_TLS names:

    ca.pem         an authority, and other-ca.pem, another one
    good.pem       for localhost, *.example.test, 127.0.0.1 and ::1, by ca.pem,
                   through an intermediate authority; with its key
    expired.pem    the same, until yesterday
    self.pem       for localhost, by itself
    client.pem     a client's, by ca.pem; with its key
    locked.pem     a client's, whose key has the password "sesame"

    tls.py command ..."""

import os
import shutil
import subprocess
import sys
import tempfile

CONFIG = """\
[req]
distinguished_name = name
[name]
[ca]
default_ca = authority
[authority]
database = index
new_certs_dir = .
serial = serial
default_md = sha256
policy = policy
unique_subject = no
[policy]
commonName = supplied
[root]
basicConstraints = critical,CA:true
[host]
basicConstraints = CA:false
subjectAltName = DNS:localhost,DNS:*.example.test,IP:127.0.0.1,IP:::1
[client]
basicConstraints = CA:false
"""


class Maker:
    def __init__(self, directory):
        self.directory = directory
        self.write("openssl.cnf", CONFIG)
        self.write("index", "")
        self.write("serial", "1000")

    def write(self, name, text):
        with open(os.path.join(self.directory, name), "w") as file:
            file.write(text)

    def read(self, name):
        with open(os.path.join(self.directory, name)) as file:
            return file.read()

    def openssl(self, *words):
        done = subprocess.run(["openssl", *words], cwd=self.directory,
                              stdin=subprocess.DEVNULL, capture_output=True)
        if done.returncode:
            sys.exit(f"openssl {' '.join(words)}: {done.stderr.decode()}")

    def key(self, name):
        self.openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout",
                     "-out", name + ".key")

    def self_signed(self, name, subject, section):
        self.key(name)
        self.openssl("req", "-new", "-x509", "-config", "openssl.cnf",
                     "-key", name + ".key", "-out", name + ".crt", "-days",
                     "2", "-subj", f"/CN={subject}", "-extensions", section)

    def signed(self, name, subject, section, by, start, end):
        self.key(name)
        self.openssl("req", "-new", "-config", "openssl.cnf", "-key",
                     name + ".key", "-out", name + ".csr", "-subj",
                     f"/CN={subject}")
        self.openssl("ca", "-batch", "-notext", "-config", "openssl.cnf",
                     "-cert", by + ".crt", "-keyfile", by + ".key", "-in",
                     name + ".csr", "-out", name + ".crt", "-startdate",
                     start, "-enddate", end, "-extensions", section)

    def bundle(self, name, *parts):
        self.write(name, "".join(self.read(part) for part in parts))


def make(directory):
    maker = Maker(directory)
    now = ("20200101000000Z", "20491231000000Z")
    past = ("20200101000000Z", "20200201000000Z")
    maker.self_signed("ca", "authority", "root")
    maker.self_signed("other-ca", "another authority", "root")
    maker.self_signed("self", "localhost", "host")
    maker.signed("between", "between", "root", "ca", *now)
    maker.signed("good", "localhost", "host", "between", *now)
    maker.signed("expired", "localhost", "host", "between", *past)
    maker.signed("client", "somebody", "client", "ca", *now)
    maker.bundle("ca.pem", "ca.crt")
    maker.bundle("other-ca.pem", "other-ca.crt")
    maker.bundle("self.pem", "self.crt", "self.key")
    maker.bundle("client.pem", "client.crt", "client.key")
    for name in ("good", "expired"):
        maker.bundle(name + ".pem", name + ".crt", "between.crt",
                     name + ".key")
    maker.openssl("ec", "-aes128", "-passout", "pass:sesame", "-in",
                  "client.key", "-out", "locked.key")
    maker.bundle("locked.pem", "client.crt", "locked.key")


def main():
    directory = tempfile.mkdtemp(prefix="actls", dir="/tmp")
    try:
        make(directory)
        environment = dict(os.environ, AC_TEST_TLS=directory)
        return subprocess.run(sys.argv[1:], env=environment,
                              timeout=500).returncode
    finally:
        shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
