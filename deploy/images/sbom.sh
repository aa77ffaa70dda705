#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Writes what an image holds as SPDX 2.3 (JSON): every package that dpkg knows, and our own programs.
#   sbom.sh IMAGE VERSION CREATED [FILE]
set -eu

image=$1
version=$2
created=$3
file=${4:-/usr/share/dubbing/sbom.spdx.json}
# shellcheck source=/dev/null
id=$(. /etc/os-release && printf '%s' "${VERSION_CODENAME:-$ID}")
mkdir -p "${file%/*}"
# shellcheck disable=SC2016 # dpkg's variables, not the shell's
dpkg-query -W -f='${db:Status-Abbrev}\t${Package}\t${Version}\t${Architecture}\t${source:Package}\n' |
    awk -F '\t' -v image="$image" -v version="$version" -v created="$created" -v release="$id" '
    function spdx_id(text) { gsub(/[^A-Za-z0-9.-]/, "-", text); return "SPDXRef-" text }
    function in_url(text) { gsub(/%/, "%25", text); gsub(/\+/, "%2B", text); gsub(/~/, "%7E", text); gsub(/:/, "%3A", text); return text }
    function package(id, name, version, supplier, licence, reference, last) {
        printf "    {\"SPDXID\": \"%s\", \"name\": \"%s\", \"versionInfo\": \"%s\", \"supplier\": \"%s\", ", id, name, version, supplier
        printf "\"downloadLocation\": \"NOASSERTION\", \"filesAnalyzed\": false, \"licenseConcluded\": \"NOASSERTION\", "
        printf "\"licenseDeclared\": \"%s\", \"copyrightText\": \"NOASSERTION\"%s}%s\n", licence, reference, last ? "" : ","
    }
    BEGIN {
        print "{"
        print "  \"spdxVersion\": \"SPDX-2.3\", \"dataLicense\": \"CC0-1.0\", \"SPDXID\": \"SPDXRef-DOCUMENT\","
        printf "  \"name\": \"%s-%s\",\n", image, version
        printf "  \"documentNamespace\": \"https://spdx.org/spdxdocs/%s-%s-%s\",\n", image, version, created
        printf "  \"creationInfo\": {\"created\": \"%s\", \"creators\": [\"Tool: dpkg-query\", \"Organization: live-dubbing\"]},\n", created
        print "  \"packages\": ["
    }
    $1 ~ /^.i/ {
        reference = sprintf(", \"externalRefs\": [{\"referenceCategory\": \"PACKAGE-MANAGER\", \"referenceType\": \"purl\", " \
            "\"referenceLocator\": \"pkg:deb/debian/%s@%s?arch=%s&distro=%s\"}], \"sourceInfo\": \"built from source package %s\"",
            in_url($2), in_url($3), $4, release, $5)
        package(spdx_id("deb-" $2 "-" $4), $2, $3, "Organization: Debian", "NOASSERTION", reference, 0)
    }
    END {
        package("SPDXRef-live-dubbing", "live-dubbing", version, "Organization: live-dubbing", "GPL-3.0-or-later", "", 1)
        print "  ],"
        print "  \"relationships\": [{\"spdxElementId\": \"SPDXRef-DOCUMENT\", \"relationshipType\": \"DESCRIBES\", \"relatedSpdxElement\": \"SPDXRef-live-dubbing\"}]"
        print "}"
    }' >"$file"
