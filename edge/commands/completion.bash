# Completion for bash: choices of an option that was typed, else options or words of the command,
# and file names where nothing fits.
_emotiond() {
    local word=${COMP_WORDS[COMP_CWORD]} words= options=
    case "${COMP_WORDS[1]} ${COMP_WORDS[COMP_CWORD-1]}" in
        CASES
    esac
    [[ $COMP_CWORD == 1 ]] && words='NAMES'
    [[ $word == -* ]] && words=$options
    COMPREPLY=($(compgen -W "$words" -- "$word"))
}
complete -o default -F _emotiond emotiond
