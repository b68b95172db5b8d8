using Ingest.Tests.Hosting;
using Ingest.Worker.Hosting;
using Microsoft.Extensions.Configuration;
using Xunit;

namespace Ingest.Tests.Cli;

/// <summary>What is said of a setting that no head has, or of a value that it does not take.</summary>
public sealed class MisspeltSettingsTests
{
    private static readonly Dictionary<string, string?> Complete = new()
    {
        ["Hub:ConnectionString"] = "Endpoint=sb://localhost;SharedAccessKeyName=n;SharedAccessKey=a2V5;EntityPath=telemetry",
        ["Database:ConnectionString"] = "Host=localhost;Username=u;Password=p",
    };

    [Theory]
    [InlineData("Telemetry:Tabel", "t", "Telemetry:Tabel is no setting. Did you mean Telemetry:Table?")]
    [InlineData("Telemetery:Table", "t", "Telemetery:Table is no setting. Did you mean Telemetry:Table?")]
    [InlineData("DeadLetter:RetentionDays", "3", "DeadLetter:RetentionDays is no setting. Did you mean DeadLetters:RetentionDays?")]
    [InlineData("DeadLetters:Retention", "3", "Did you mean DeadLetters:RetentionDays?")]
    [InlineData("Telemetry:Columns:0:Typ", "Real", "Telemetry:Columns:0:Typ is no setting. Did you mean Telemetry:Columns:0:Type?")]
    [InlineData("Telemetry:Columns:Name", "a", "Did you mean Telemetry:Columns:0:Name?")]
    [InlineData("Databse:Copy", "true", "Did you mean Database:Copy?")]
    [InlineData("Hubs:ConsumerGroup", "g", "Did you mean Hub:ConsumerGroup?")]
    [InlineData("Commit:Wibble", "1", "Commit:Wibble is no setting. There are Commit:MaxRows, Commit:MaxBytes,")]
    [InlineData("Telemetry:Table:Name", "t", "Telemetry:Table takes a value, and nothing below it such as Telemetry:Table:Name.")]
    [InlineData("Hub:Partitions", "0,1", "Hub:Partitions takes several values, each numbered: Hub:Partitions:0")]
    [InlineData(
        "Telemetry:Columns:0:Type",
        "Float8",
        "'Float8', and takes Double, Real, Bigint, Integer, Boolean, Text, Timestamptz, Jsonb. Did you mean Double?")]
    [InlineData("Telemetry:Columns:0:Type", "Intger", "Did you mean Integer?")]
    [InlineData("Telemetry:Columns:0:Type", "77", "Telemetry:Columns:0:Type is '77'")]
    [InlineData("Telemetry:TimeSource", "IoTHubs", "annotation:name. Did you mean IotHub?")]
    [InlineData("Hub:Transport", "Websockets", "takes Amqp, AmqpWebSockets.")]
    [InlineData("Commit:MaxRows", "many", "Commit:MaxRows is 'many', and takes a whole number.")]
    [InlineData("Commit:MaxRows", "", "Commit:MaxRows is empty, and takes a whole number.")]
    [InlineData("Database:Copy", "yes", "Database:Copy is 'yes', and takes true or false.")]
    [InlineData("Telemetry:OldestAccepted", "30 days", "days.hours:minutes:seconds")]
    [InlineData("Telemetry:EarliestAccepted", "soon", "such as 2015-01-01T00:00:00Z")]
    [InlineData("Health:Prot", "80", "Did you mean Health:Port?")]
    public void A_name_or_a_value_that_is_none_is_named_with_the_right_one(string setting, string value, string says)
    {
        var refused = Refused(new(Complete) { ["Telemetry:Columns:0:Name"] = "a", [setting] = value });

        Assert.Contains(says, refused, StringComparison.Ordinal);
        Assert.Equal(2, refused.Split('\n', StringSplitOptions.RemoveEmptyEntries).Length);
    }

    [Fact]
    public void All_of_them_are_named_at_once_beside_what_is_missing_and_out_of_range()
    {
        var refused = Refused(new()
        {
            ["Hub:ConectionString"] = "Endpoint=sb://localhost;SharedAccessKeyName=n;SharedAccessKey=c2VjcmV0",
            ["Database:ConnectionString"] = "Host=localhost",
            ["Telemetry:Columns:0:Name"] = "a",
            ["Telemetry:Columns:0:Type"] = "Float8",
            ["Telemetery:Table"] = "t",
            ["Commit:MaxRows"] = "0",
            ["Commit:Writers"] = "two",
        });

        Assert.All(
            [
                "Did you mean Hub:ConnectionString?", "Hub:ConnectionString is", "'Float8'", "Telemetery:Table", "Commit:MaxRows:",
                "Commit:Writers",
            ],
            says => Assert.Contains(says, refused, StringComparison.Ordinal));
        Assert.DoesNotContain("c2VjcmV0", refused, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("AzureWebJobsStorage", "x")]
    [InlineData("AzureWebJobsStorage:accountName", "x")]
    [InlineData("Logging:LogLevel:Default", "Debug")]
    [InlineData("OTEL_EXPORTER_OTLP_ENDPOINT", "http://localhost")]
    [InlineData("EventHub:fullyQualifiedNamespace", "x")]
    [InlineData("HubName", "x")]
    [InlineData("DATABASE", "x")]
    [InlineData("Databases:Orders", "x")]
    [InlineData("Healthy:Since", "x")]
    [InlineData("Ownership:Container", "x")]
    [InlineData("HUB_PORT", "tcp://10.0.0.1")]
    [InlineData("telemetry:table", "t")]
    [InlineData("Telemetry:OldestAccepted", "")]
    [InlineData("Telemetry:Columns", "")]
    [InlineData("Database:ConnectionString", "Host=localhost;Password=a b=c")]
    public void What_is_somebody_elses_is_left_alone(string setting, string value) =>
        Assert.NotNull(WorkerSettings.Read(Configuration(new(Complete) { [setting] = value })));

    [Theory]
    [InlineData("Telemetry__Tabel", "Telemetry__Tabel is no setting. Did you mean Telemetry__Table?")]
    [InlineData("DeadLetter__RetentionDays", "Did you mean DeadLetters__RetentionDays?")]
    [InlineData("Hub__Identiy", "Did you mean Hub__Identity?")]
    public void A_Function_app_is_told_by_the_names_of_its_app_settings(string setting, string says)
    {
        var settings = FunctionAppSettings.Complete();
        settings[setting] = "3";

        Assert.Contains(says, Assert.Single(FunctionAppSettings.Problems(settings)), StringComparison.Ordinal);
    }

    [Fact]
    public void A_Function_app_takes_no_offence_at_the_workers_settings()
    {
        var settings = FunctionAppSettings.Complete();
        settings["Hub__ConsumerGroup"] = "workers";
        settings["Health__Port"] = "80";
        settings["Logging__LogLevel__Default"] = "Debug";

        Assert.Empty(FunctionAppSettings.Problems(settings));
    }

    private static string Refused(Dictionary<string, string?> settings) =>
        Assert.Throws<StartUpException>(() => WorkerSettings.Read(Configuration(settings))).Message;

    private static IConfigurationRoot Configuration(Dictionary<string, string?> settings) =>
        new ConfigurationBuilder().AddInMemoryCollection(settings).Build();
}
