using System.CommandLine;
using Ingest.Cli.Hosting;
using Microsoft.Extensions.Configuration;

namespace Ingest.Cli.Commands;

/// <summary>Options that several commands have, each a short form of a setting.</summary>
internal static class SharedOptions
{
    public static readonly Option<string?> Hub = new("--hub")
    {
        Description =
            "The hub's Event Hubs-compatible connection string (setting Hub:ConnectionString). Prefer the environment: a command line "
                + "is visible to other users.",
        HelpName = "connection string",
    };

    public static readonly Option<string?> ConsumerGroup = new("--consumer-group")
    {
        Description = "The consumer group to read with (setting Hub:ConsumerGroup).",
        HelpName = "name",
    };

    public static readonly Option<string?> Database = new("--database")
    {
        Description =
            "The database's connection string (setting Database:ConnectionString). Prefer the environment where it holds a password.",
        HelpName = "connection string",
    };

    public static readonly Option<string[]> Set = new("--set")
    {
        Description = "Any setting by its name; may be given more than once.",
        HelpName = "Section:Name=value",
    };

    public static readonly Option<bool> Json = new("--json")
    {
        Description = "Print one JSON object, for programs, as the last line of standard output; all else goes to standard error.",
    };

    /// <summary>The settings that a command was given, from every source.</summary>
    public static IConfigurationRoot Configuration(ParseResult arguments)
    {
        List<KeyValuePair<string, string?>> commandLine = [];
        Add(Hub, "Hub:ConnectionString");
        Add(ConsumerGroup, "Hub:ConsumerGroup");
        Add(Database, "Database:ConnectionString");
        if (arguments.GetResult(Set) is not null)
        {
            commandLine.AddRange((arguments.GetValue(Set) ?? []).Select(IngestConfiguration.Parse));
        }

        return IngestConfiguration.Build(commandLine);

        void Add(Option<string?> option, string setting)
        {
            if (arguments.GetResult(option) is not null && arguments.GetValue(option) is { } value)
            {
                commandLine.Add(new(setting, value));
            }
        }
    }
}
