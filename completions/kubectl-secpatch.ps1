# PowerShell completion for kubectl-secpatch, made by: kubectl secpatch completion show powershell
Register-ArgumentCompleter -Native -CommandName 'kubectl-secpatch', 'kubectl-secpatch.exe' -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)
    $program = $commandAst.GetCommandName()
    $words = @($commandAst.CommandElements | Select-Object -Skip 1 |
        Where-Object { $_.Extent.EndOffset -lt $cursorPosition } |
        ForEach-Object {
            if ($_ -is [System.Management.Automation.Language.StringConstantExpressionAst]) { $_.Value }
            else { $_.Extent.Text }
        })
    # Before 7.3 an empty argument reaches no program, unless it is written as one.
    if ($wordToComplete -ne '') { $words += $wordToComplete }
    elseif ($PSNativeCommandArgumentPassing -in 'Standard', 'Windows') { $words += '' }
    else { $words += '""' }
    # The candidates come without the flag before the equals sign, and PowerShell replaces the whole word.
    $flag = if ($wordToComplete -match '^--[^=]+=') { $Matches[0] } else { '' }
    & $program __complete @words 2>$null | Where-Object { $_ -notmatch '^:[0-9]+$' } | ForEach-Object {
        $value, $help = $_ -split "`t", 2
        if (-not $help) { $help = $value }
        $text = $flag + $value
        if ($text -match '[^a-zA-Z0-9_./:@%+=-]') { $text = "'" + $text.Replace("'", "''") + "'" }
        [System.Management.Automation.CompletionResult]::new($text, $value, 'ParameterValue', $help)
    }
}
