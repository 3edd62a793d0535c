#!/usr/bin/env bash
# Run the recipe on MSP-Conversation with the settings in conf/ of this folder; see README.md.
# Takes the options of the root's run.sh; --corpus DIR is required. data/ and exp/ are made in this folder.

. "$(dirname "$(realpath "${BASH_SOURCE[0]}")")/utils/start_corpus.sh"
