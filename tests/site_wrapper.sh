#!/usr/bin/env bash
# A site's wrapper, as Kaldi's are where they differ from utils/run.py: JOB is replaced wherever it stands, and the
# command is a line for bash in which only words with blanks are quoted.

while [[ $1 == -* ]]; do shift 2; done
[[ $1 =~ ^([A-Za-z]+)=([0-9]+):([0-9]+)$ ]] || exit 1
name=${BASH_REMATCH[1]} jobs=$(seq "${BASH_REMATCH[2]}" "${BASH_REMATCH[3]}") log=$2 command='' failed=0
for word in "${@:3}"; do
  case $word in *[[:space:]]* | '') command+="\"$word\" " ;; *) command+="$word " ;; esac
done
for job in $jobs; do
  file=${log//$name/$job}
  mkdir -p "$(dirname "$file")"
  printf '# %s\n# Started at %s\n#\n' "${command//$name/$job}" "$(date)" > "$file"
  bash <<< "( ${command//$name/$job}) 2>>$file >>$file" || failed=$((failed + 1))
  printf '# Accounting: time=1 threads=1\n# Ended (code 0) at %s, elapsed time 1 seconds\n' "$(date)" >> "$file"
done
[ $failed = 0 ] || { echo "site_wrapper.sh: $failed failed, log is in ${log//$name/*}" >&2 && exit 1; }
