using Ingest.Columns;
using Ingest.Decode;
using Ingest.Settings;
using Microsoft.Extensions.Options;
using Xunit;

namespace Ingest.Tests.Decode;

public sealed class TelemetryMappingTests
{
    [Fact]
    public void Without_settings_it_is_the_original_table()
    {
        var mapping = TelemetryMapping.Create(new TelemetrySettings());

        Assert.Null(mapping.Schema);
        Assert.Equal("conditions", mapping.Table);
        Assert.Equal(
            [new ColumnDefinition("temperature", ColumnType.Double, false), new ColumnDefinition("humidity", ColumnType.Double, false)],
            mapping.Columns);
    }

    [Fact]
    public void Columns_keep_their_order_and_the_payload_column_is_the_last()
    {
        var settings = new TelemetrySettings { Table = "Plant.Readings", PayloadColumn = "raw" };
        settings.Columns.Add(new ColumnSettings { Name = "site", From = "property:site", Type = ColumnType.Text });
        settings.Columns.Add(new ColumnSettings { Name = "rpm", From = "motor.rpm", Type = ColumnType.Integer, Required = true });
        var mapping = TelemetryMapping.Create(settings);

        Assert.Equal(("Plant", "Readings"), (mapping.Schema, mapping.Table));
        Assert.Equal(
            [new ColumnDefinition("site", ColumnType.Text, false), new ColumnDefinition(
                "rpm", ColumnType.Integer, true), new ColumnDefinition("raw", ColumnType.Jsonb, false)],
            mapping.Columns);
    }

    [Fact]
    public void The_payload_column_goes_with_the_default_columns_too() =>
        Assert.Equal(
            ["temperature", "humidity", "raw"],
            TelemetryMapping.Create(new TelemetrySettings { PayloadColumn = "raw" }).Columns.Select(column => column.Name));

    public static TheoryData<string, Action<TelemetrySettings>> Mistakes { get; } = new()
    {
        { "Telemetry:Table", settings => settings.Table = "" },
        { "Telemetry:Table", settings => settings.Table = "a.b.c" },
        { "Telemetry:Table", settings => settings.Table = "schema." },
        { "Telemetry:Table", settings => settings.Table = new string('t', 64) },
        { "Telemetry:Table", settings => settings.Table = "a\0b" },
        { "Telemetry:Columns:0:Name", settings => settings.Columns.Add(new ColumnSettings { Name = "" , From = "x" }) },
        { "Telemetry:Columns:0:Name", settings => settings.Columns.Add(new ColumnSettings { Name = "time" }) },
        { "Telemetry:Columns:0:Name", settings => settings.Columns.Add(new ColumnSettings { Name = "device", Type = ColumnType.Text }) },
        { "Telemetry:Columns:0:Name", settings => settings.Columns.Add(new ColumnSettings { Name = new string('ü', 32) }) },
        { "Telemetry:Columns:1:Name", settings =>
            {
                settings.Columns.Add(new ColumnSettings { Name = "x" });
                settings.Columns.Add(new ColumnSettings { Name = "x", From = "y" });
            } },
        { "Telemetry:Columns:0:From", settings => settings.Columns.Add(new ColumnSettings { Name = "x", From = "" }) },
        { "Telemetry:Columns:0:From", settings => settings.Columns.Add(new ColumnSettings { Name = "x", From = "a..b" }) },
        { "Telemetry:Columns:0:From", settings => settings.Columns.Add(new ColumnSettings { Name = "x", From = ".a" }) },
        { "Telemetry:Columns:0:From", settings => settings.Columns.Add(new ColumnSettings { Name = "x", From = "property:" }) },
        {
            "Telemetry:Columns:0:From",
            settings => settings.Columns.Add(new ColumnSettings { Name = "x", From = string.Join('.', Enumerable.Repeat("a", 33)) })
        },
        { "Telemetry:Columns:0:Type", settings => settings.Columns.Add(new ColumnSettings { Name = "x", From = "module" }) },
        {
            "Telemetry:Columns:0:Type",
            settings => settings.Columns.Add(new ColumnSettings { Name = "x", From = "property:y", Type = ColumnType.Jsonb })
        },
        { "Telemetry:Columns:0:Type", settings => settings.Columns.Add(new ColumnSettings { Name = "x", Type = (ColumnType)99 }) },
        { "Telemetry:PayloadColumn", settings => settings.PayloadColumn = "humidity" },
        { "Telemetry:PayloadColumn", settings => settings.PayloadColumn = "" },
        { "Telemetry:TimeSource", settings => settings.TimeSource = "Device" },
        { "Telemetry:DeviceFrom", settings => settings.DeviceFrom = "a[" },
        { "Telemetry:IgnoreBodyDevice", settings => settings.IgnoreBodyDevice = settings.AllowBodyDevice = true },
        { "Telemetry:OldestAccepted", settings => settings.OldestAccepted = TimeSpan.Zero },
        { "Telemetry:Gateways:0", settings => settings.Gateways.Add("") },
        { "Telemetry:Gateways:1", settings => { settings.Gateways.Add("gateway"); settings.Gateways.Add(new string('g', 129)); } },
    };

    [Theory, MemberData(nameof(Mistakes))]
    public void A_mistake_is_named_by_the_settings_full_name(string setting, Action<TelemetrySettings> mistake)
    {
        ArgumentNullException.ThrowIfNull(mistake);
        var settings = new TelemetrySettings();
        mistake(settings);

        Assert.StartsWith(setting + ": ", Assert.Single(TelemetryMapping.Validate(settings)), StringComparison.Ordinal);
        Assert.Throws<OptionsValidationException>(() => TelemetryMapping.Create(settings));
    }

    [Fact]
    public void All_mistakes_are_reported_at_once()
    {
        var settings = new TelemetrySettings { Table = "a.b.c", PayloadColumn = "time" };
        settings.Columns.Add(new ColumnSettings { Name = "device", From = "a..b" });
        settings.Columns.Add(new ColumnSettings { Name = "", From = "module" });

        Assert.Equal(
            [
                "Telemetry:Table",
                "Telemetry:Columns:0:Name",
                "Telemetry:Columns:0:From",
                "Telemetry:Columns:1:Name",
                "Telemetry:Columns:1:Type",
                "Telemetry:PayloadColumn",
            ],
            TelemetryMapping.Validate(settings).Select(failure => failure[..failure.IndexOf(": ", StringComparison.Ordinal)]));
    }

    [Fact]
    public void Names_are_used_as_they_are_written()
    {
        var settings = new TelemetrySettings { Table = "my \"odd\" table" };
        settings.Columns.Add(new ColumnSettings { Name = "Time", From = "Time" });
        settings.Columns.Add(new ColumnSettings { Name = "x y", From = "x y" });

        Assert.Equal(["Time", "x y"], TelemetryMapping.Create(settings).Columns.Select(column => column.Name));
        Assert.Equal("my \"odd\" table", TelemetryMapping.Create(settings).Table);
    }
}
