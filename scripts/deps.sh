# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034
# The Debian packages that the scripts need, by purpose.

# To build and run si.
deps_build=(cmake ninja-build gcc g++ libc6-dev pkg-config libltdl-dev libsqlite3-dev libssl-dev
  libcjson-dev libcurl4-openssl-dev libexpat1-dev libyaml-dev
  libseccomp-dev)

# To make the images of examples/blog and to look at what it answers.
deps_sample=(busybox-static curl jq tzdata ca-certificates)

# An engine, where there is none.
deps_engine=(docker.io iptables iproute2)

# To run every test. PostgreSQL's own files are fetched by examples/blog/images.sh. podman is the
# second engine: with the name service of its networks, the init that it gives to containers, and
# the runtime that docker.io has, too. Ceph is the object store that speaks S3; faketime sets its
# clock wrong. abigail-tools compares the plugin ABI with what was published. mandoc reads man pages.
# docker-compose reads stack files, for comparison. openssh-server is the far machine of a target.
deps_test=(abigail-tools age clang clang-format libcunit1-dev openssl sqlite3 strace python3 git
  util-linux procps podman runc netavark aardvark-dns catatonit ceph-mon ceph-osd radosgw faketime mandoc
  docker-compose docker-registry openssh-client openssh-server)

# What tests/bench/run measures with and against; ./check needs none of it.
deps_bench=(jq git sqlite3 valgrind restic borgbackup rclone)
