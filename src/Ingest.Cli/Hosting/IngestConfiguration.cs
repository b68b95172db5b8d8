using Microsoft.Extensions.Configuration;

namespace Ingest.Cli.Hosting;

/// <summary>Where settings come from, the later ones winning: <c>appsettings.json</c> in the working directory, the environment, the command line.</summary>
internal static class IngestConfiguration
{
    public static IConfigurationRoot Build(IEnumerable<KeyValuePair<string, string?>> commandLine, string? directory = null)
    {
        var builder = new ConfigurationBuilder();
        try
        {
            return builder
                .SetBasePath(directory ?? Directory.GetCurrentDirectory())
                .AddJsonFile("appsettings.json", optional: true)
                .AddEnvironmentVariables()
                .AddInMemoryCollection(commandLine)
                .Build();
        }
        catch (InvalidDataException exception)
        {
            throw new CommandException($"appsettings.json in this folder cannot be read: {(exception.InnerException ?? exception).Message} Correct it or remove it.", exception);
        }
    }

    /// <summary>Takes <c>Section:Name=value</c> apart.</summary>
    public static KeyValuePair<string, string?> Parse(string assignment)
    {
        var equals = assignment.IndexOf('=', StringComparison.Ordinal);
        if (equals <= 0)
        {
            // The whole text is not repeated: it can be a connection string.
            throw new CommandException("--set takes Section:Name=value, for instance --set Telemetry:Table=readings; this one has no '=' after a name.");
        }

        return new(assignment[..equals].Trim().Replace("__", ":", StringComparison.Ordinal), assignment[(equals + 1)..]);
    }
}
