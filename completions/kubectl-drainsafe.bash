# bash completion for kubectl-drainsafe, made by: kubectl drainsafe completion show bash
#
# bash cuts words at = and :, the program does not. So the words are put together again, and what bash has cut off is
# cut off the candidates.
_kubectl_drainsafe() {
    local line=${COMP_LINE:0:COMP_POINT} words=() count=0 at piece segment="" value part candidate directive=4
    for ((at = 0; at <= COMP_CWORD; at++)); do
        piece=${COMP_WORDS[at]}
        if [[ $at -eq 0 || $line == [[:space:]]* ]]; then
            line=${line#"${line%%[![:space:]]*}"}
            count=$((count + 1))
        fi
        if [[ ${#piece} -gt ${#line} ]]; then
            piece=$line
        fi
        words[count - 1]=${words[count - 1]-}$piece
        line=${line#"$piece"}
        segment=$piece
    done
    if [[ $segment == [=:]* ]]; then
        segment=${segment##*[=:]}
    fi
    value=${words[count - 1]}
    if [[ $value == --*=* ]]; then
        value=${value#*=}
    fi
    part=${value%"$segment"}
    COMPREPLY=()
    while IFS='' read -r candidate; do
        if [[ $candidate =~ ^:([0-9]+)$ ]]; then
            directive=${BASH_REMATCH[1]}
            continue
        fi
        candidate=${candidate%%$'\t'*}
        candidate=${candidate#"$part"}
        if [[ $candidate == *[!a-zA-Z0-9_./:@%+=,-]* ]]; then
            printf -v candidate '%q' "$candidate"
        fi
        COMPREPLY[${#COMPREPLY[@]}]=$candidate
    done < <("${words[0]}" __complete "${words[@]:1}" 2>/dev/null)
    if [[ $((directive & 2)) -ne 0 ]] && type compopt >/dev/null 2>&1; then
        compopt -o nospace
    fi
}
if [[ ${BASH_VERSINFO[0]} -gt 4 || (${BASH_VERSINFO[0]} -eq 4 && ${BASH_VERSINFO[1]} -ge 4) ]]; then
    complete -o nosort -F _kubectl_drainsafe kubectl-drainsafe
else
    complete -F _kubectl_drainsafe kubectl-drainsafe
fi
