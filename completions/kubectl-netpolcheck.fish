# fish completion for kubectl-netpolcheck, made by: kubectl netpolcheck completion show fish
function __kubectl_netpolcheck_complete
    set -l words (commandline --current-process --tokenize --cut-at-cursor)
    set -l word (commandline --current-token --cut-at-cursor)
    set -l program $words[1]
    set -e words[1]
    # The candidates come without the flag before the equals sign, and fish replaces the whole word.
    set -l flag (string match --regex '^--[^=]+=' -- $word)
    for candidate in ($program __complete $words "$word" 2>/dev/null)
        if not string match --quiet --regex '^:[0-9]+$' -- $candidate
            printf "%s%s\n" "$flag" $candidate
        end
    end
end
complete --command kubectl-netpolcheck --no-files --keep-order --arguments '(__kubectl_netpolcheck_complete)'
