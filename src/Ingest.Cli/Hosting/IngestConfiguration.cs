using Ingest.Database;
using Microsoft.Extensions.Configuration;

namespace Ingest.Cli.Hosting;

/// <summary>
/// Where settings come from, the later ones winning: <c>appsettings.json</c> in the working directory, the environment, the command line.
/// </summary>
internal static class IngestConfiguration
{
    private const string File = "appsettings.json";

    public static IConfigurationRoot Build(IEnumerable<KeyValuePair<string, string?>> commandLine, string? directory = null)
    {
        directory ??= Directory.GetCurrentDirectory();
        // A folder that others may write to (/tmp, a share) is a good place to leave somebody a hub or a database of one's own.
        if (TrustedFiles.Doubt(Path.Combine(directory, File), linksAllowed: true) is { } doubt)
        {
            throw new CommandException(
                $"{Path.Combine(directory, File)} {doubt}: it is not read, as whoever can write it decides where events go. "
                + "If it is yours, make it so (chown, chmod go-w); else run the command in another folder.");
        }

        var builder = new ConfigurationBuilder();
        try
        {
            return builder
                .SetBasePath(directory)
                .AddJsonFile(File, optional: true)
                .AddEnvironmentVariables()
                .AddInMemoryCollection(commandLine)
                .Build();
        }
        catch (InvalidDataException exception)
        {
            throw new CommandException(
                $"{File} in this folder cannot be read: {(exception.InnerException ?? exception).Message} Correct it or remove it.",
                exception);
        }
    }

    /// <summary>Takes <c>Section:Name=value</c> apart.</summary>
    public static KeyValuePair<string, string?> Parse(string assignment)
    {
        var equals = assignment.IndexOf('=', StringComparison.Ordinal);
        if (equals <= 0)
        {
            // The whole text is not repeated: it can be a connection string.
            throw new CommandException(
                "--set takes Section:Name=value, for instance --set Telemetry:Table=readings; this one has no '=' after a name.");
        }

        return new(assignment[..equals].Trim().Replace("__", ":", StringComparison.Ordinal), assignment[(equals + 1)..]);
    }
}
