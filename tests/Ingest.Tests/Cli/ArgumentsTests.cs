using Ingest.Cli.Commands;
using Ingest.Cli.Hosting;
using Ingest.Settings;
using Ingest.Worker.Hosting;
using Xunit;

namespace Ingest.Tests.Cli;

public sealed class ArgumentsTests
{
    private static readonly DateTimeOffset Now = new(2026, 3, 2, 12, 0, 0, TimeSpan.Zero);

    [Theory]
    [InlineData("2026-03-01T08:00:00Z", "2026-03-01T08:00:00Z")]
    [InlineData("2026-03-01T08:00:00+02:00", "2026-03-01T06:00:00Z")]
    [InlineData("2026-03-01T08:00:00", "2026-03-01T08:00:00Z")]
    [InlineData("2026-03-01", "2026-03-01T00:00:00Z")]
    [InlineData("90s", "2026-03-02T11:58:30Z")]
    [InlineData("15m", "2026-03-02T11:45:00Z")]
    [InlineData("1.5h", "2026-03-02T10:30:00Z")]
    [InlineData("7d", "2026-02-23T12:00:00Z")]
    public void A_time_is_a_stamp_or_a_span_back_from_now(string text, string expected)
    {
        Assert.True(Arguments.TryParseTime(text, Now, out var time));
        Assert.Equal(DateTimeOffset.Parse(expected), time);
    }

    [Theory]
    [InlineData("yesterday")]
    [InlineData("-1d")]
    [InlineData("d")]
    [InlineData("")]
    [InlineData("999999d")]
    public void What_is_no_time_is_refused(string text) => Assert.False(Arguments.TryParseTime(text, Now, out _));

    [Theory]
    [InlineData("up --port 70000", "--port takes a whole number from 0 to 65535, not 70000.")]
    [InlineData("up --events 0", "--events takes a whole number from 1, not 0.")]
    [InlineData("replay --from noon", "--from takes a time like 2026-03-01T08:00:00Z")]
    [InlineData("replay", "Give --from: the first stamp to replay; or --archive, to replay from files.")]
    public void A_bad_option_says_what_it_takes(string line, string expected)
    {
        var parsed = IngestCommand.Create().Parse(line.Split(' '));

        Assert.Contains(parsed.Errors, error => error.Message.StartsWith(expected, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(null, null)]
    [InlineData("Endpoint=sb://named", "Endpoint=sb://named")]
    [InlineData("env", "Endpoint=sb://from-environment")]
    public void Up_takes_a_connection_string_from_the_environment_only_where_it_is_told_to(string? option, string? expected) =>
        Assert.Equal(
            expected,
            UpCommand.Named(
                "--hub",
                option,
                "Hub__ConnectionString",
                name => name == "Hub__ConnectionString" ? "Endpoint=sb://from-environment" : null));

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    public void Up_says_which_variable_it_misses(string? value)
    {
        var exception = Assert.Throws<CommandException>(
            () => UpCommand.Named("--database", "env", "Database__ConnectionString", _ => value));

        Assert.Contains("--database env", exception.Message, StringComparison.Ordinal);
        Assert.Contains("Database__ConnectionString, which is not set", exception.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--hub")]
    [InlineData("--database")]
    public void The_help_of_up_says_why_secrets_belong_in_the_environment(string name)
    {
        var option = Assert.Single(
            IngestCommand.Create().Subcommands.Single(command => command.Name == "up").Options,
            option => option.Name == name);

        Assert.Contains("__ConnectionString", option.Description, StringComparison.Ordinal);
    }

    [Fact]
    public void A_setting_without_a_value_is_refused_without_repeating_it()
    {
        var exception = Assert.Throws<CommandException>(() => IngestConfiguration.Parse("Endpoint sb://secret"));

        Assert.DoesNotContain("secret", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_connection_string_that_cannot_be_read_is_refused_without_repeating_it()
    {
        var reader = new SettingsReader(IngestConfiguration.Build([new("Database:ConnectionString", "Hst=db;Password=secret")]));
        reader.Read<DatabaseSettings>(DatabaseSettings.Section);

        var problem = Assert.Single(reader.Problems);
        Assert.StartsWith("Database:ConnectionString", problem, StringComparison.Ordinal);
        Assert.DoesNotContain("secret", problem, StringComparison.Ordinal);
    }

    [Fact]
    public void The_command_line_wins_over_the_settings_file()
    {
        var folder = Directory.CreateTempSubdirectory("ingest-test-");
        File.WriteAllText(
            Path.Combine(folder.FullName, "appsettings.json"), """{ "Telemetry": { "Table": "from_file", "PayloadColumn": "body" } }""");
        var reader = new SettingsReader(
            IngestConfiguration.Build([IngestConfiguration.Parse("Telemetry:Table=from_line")], folder.FullName));
        var settings = reader.Read<TelemetrySettings>(TelemetrySettings.Section);
        folder.Delete(recursive: true);

        Assert.Equal(("from_line", "body"), (settings.Table, settings.PayloadColumn));
    }

    [Fact]
    public void Everything_that_is_wrong_with_the_settings_is_said_at_once()
    {
        var reader = new SettingsReader(IngestConfiguration.Build(
        [
            new("Commit:MaxRows", "0"),
            new("Telemetry:Tabel", "readings"),
            new("DeadLetters:RetentionDays", "many"),
        ]));
        reader.Read<CommitSettings>(CommitSettings.Section);
        reader.Read<TelemetrySettings>(TelemetrySettings.Section);
        reader.Read<DeadLetterSettings>(DeadLetterSettings.Section);

        Assert.Collection(
            reader.Problems,
            problem => Assert.StartsWith("Commit:MaxRows", problem, StringComparison.Ordinal),
            problem => Assert.Contains("Tabel", problem, StringComparison.Ordinal),
            problem => Assert.Contains("RetentionDays", problem, StringComparison.Ordinal));
    }
}
