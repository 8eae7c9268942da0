#!/usr/bin/env bash
# Sends readings.
set -euo pipefail

source ./net/connection.sh
. "$(dirname "$0")/units.sh"

readonly MAX_BATCH=100
export STATION="north"

# Queues a reading.
add_reading() {
  local encoded
  encoded=$(encode_reading "$1")
  post_reading "$encoded" "$STATION"
}

function close_client {
  rm -f "$PENDING"
}

add_reading "$@"
