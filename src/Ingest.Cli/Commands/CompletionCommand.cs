using System.CommandLine;

namespace Ingest.Cli.Commands;

/// <summary><c>ingest completion</c>: what a shell runs to complete a command line, and the command that it then asks.</summary>
internal static class CompletionCommand
{
    private const string Bash = """
        _ingest() {
          local IFS=$'\n'
          COMPREPLY=($(compgen -W "$(ingest complete --position "$COMP_POINT" -- "$COMP_LINE" 2>/dev/null)" -- "${COMP_WORDS[COMP_CWORD]}"))
        }
        complete -o default -F _ingest ingest
        """;

    private const string Zsh = """
        #compdef ingest
        _ingest() {
          local -a found
          found=("${(@f)$(ingest complete --position "$CURSOR" -- "$BUFFER" 2>/dev/null)}")
          compadd -a found
        }
        compdef _ingest ingest
        """;

    private const string Fish = """
        complete --command ingest --arguments '(ingest complete --position (commandline --cursor) -- (commandline --cut-at-cursor))'
        """;

    private const string PowerShell = """
        Register-ArgumentCompleter -Native -CommandName ingest -ScriptBlock {
          param($word, $line, $position)
          ingest complete --position $position -- "$line" | ForEach-Object { [System.Management.Automation.CompletionResult]::new($_) }
        }
        """;

    private static readonly Argument<string> Shell = new("shell") { Description = "The shell." };

    private static readonly Option<int?> Position = new("--position") { Hidden = true };

    private static readonly Argument<string> Line = new("line") { Hidden = true };

    public static Command Create()
    {
        var command = new Command(
            "completion", "Print what makes a shell complete the command's options. For bash: source <(ingest completion bash)")
        {
            Shell,
        };
        Shell.AcceptOnlyFromAmong("bash", "zsh", "fish", "pwsh");
        command.SetAction(arguments => Console.Out.WriteLine(arguments.GetValue(Shell) switch
        {
            "bash" => Bash,
            "zsh" => Zsh,
            "fish" => Fish,
            _ => PowerShell,
        }));
        return command;
    }

    /// <summary>What the shells ask: the words that can stand at a position of a line. Hidden from people.</summary>
    public static Command CreateAsked(Func<Command> root)
    {
        var command = new Command("complete") { Position, Line };
        command.Hidden = true;
        command.SetAction(arguments =>
        {
            var line = arguments.GetValue(Line)!;
            foreach (var found in Find(root(), line, arguments.GetValue(Position) ?? line.Length))
            {
                Console.Out.WriteLine(found);
            }
        });
        return command;
    }

    private static IEnumerable<string> Find(Command root, string line, int position)
    {
        // What stands behind the cursor says nothing about it, and the program's own name is no part of its arguments.
        var typed = position < line.Length ? line[..position] : line.PadRight(position);
        var first = typed.IndexOf(' ', StringComparison.Ordinal);
        var arguments = first < 0 ? "" : typed[(first + 1)..];
        return root.Parse(arguments).GetCompletions(arguments.Length)
            .Select(completion => completion.Label)
            .Where(label => label[0] != '/');
    }
}
