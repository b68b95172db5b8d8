using System.Text;
using Ingest.Columns;
using Ingest.Decode;
using Ingest.Events;
using Ingest.Settings;
using Ingest.TestSupport.Fuzzing;
using Microsoft.Extensions.Time.Testing;

namespace Ingest.Tests.Decode;

/// <summary>A decoder with a clock that stands at noon of 4 March 2026, and messages to feed it.</summary>
internal sealed class DecoderDriver
{
    public static readonly DateTime Noon = new(2026, 3, 4, 12, 0, 0, DateTimeKind.Utc);

    private readonly BatchDecoder _decoder;

    public DecoderDriver(TelemetrySettings? settings = null)
    {
        settings ??= new TelemetrySettings();
        _decoder = new BatchDecoder(TelemetryMapping.Create(settings), settings, Clock);
    }

    public FakeTimeProvider Clock { get; } = new(new DateTimeOffset(Noon));

    public static DecoderDriver Mapping(params (string From, ColumnType Type)[] columns)
    {
        var settings = new TelemetrySettings();
        foreach (var (from, type) in columns)
        {
            settings.Columns.Add(new ColumnSettings { Name = $"c{settings.Columns.Count}", From = from, Type = type });
        }

        return new DecoderDriver(settings);
    }

    public static RawEvent Message(
        byte[] body,
        string? device = "dev-1",
        DateTime? time = null,
        DateTime? hubTime = null,
        string? source = null,
        string? encoding = null,
        string? module = null,
        Dictionary<string, object?>? properties = null,
        bool withoutTime = false) => new()
        {
            Hub = "host/hub",
            Partition = "0",
            RowTime = withoutTime ? null : time ?? Noon,
            EnqueuedTime = hubTime,
            DeviceId = device,
            ModuleId = module,
            MessageSource = source,
            ContentEncoding = encoding,
            Properties = properties ?? [],
            Body = body,
        };

    public static RawEvent Message(string body, string? device = "dev-1", Dictionary<string, object?>? properties = null, string? module = null) =>
        Message(Encoding.UTF8.GetBytes(body), device, properties: properties, module: module);

    public DecodedBatch Decode(params RawEvent[] events) => _decoder.Decode(events);

    public DecodedBatch Decode(RawEvent[] events, int first, PartLimits limits) => _decoder.Decode(events, first, limits);

    public DecodedBatch Decode(params string[] bodies) => _decoder.Decode([.. bodies.Select(body => Message(body))]);

    /// <summary>The only row of the only message, by column; fails where it was rejected.</summary>
    public object?[] Row(RawEvent message)
    {
        using var batch = Decode(message);
        return batch.Readings.Count == 1
            ? Rows(batch)[0]
            : throw new InvalidOperationException(batch.Rejections.Count > 0 ? batch.Rejections[0].ToString() : "ignored");
    }

    public object?[] Row(string body) => Row(Message(body));

    /// <summary>The only rejection of the only message.</summary>
    public Rejection Rejection(RawEvent message)
    {
        using var batch = Decode(message);
        return batch is { Readings.Count: 0, Ignored: 0, Rejections: [var rejection] }
            ? rejection
            : throw new InvalidOperationException($"{batch.Readings.Count} rows, {batch.Rejections.Count} rejections, {batch.Ignored} ignored");
    }

    public Rejection Rejection(string body) => Rejection(Message(body));

    public Rejection Rejection(byte[] body, string? encoding = null) => Rejection(Message(body, encoding: encoding));

    public static object?[][] Rows(DecodedBatch batch) =>
        [.. Enumerable.Range(0, batch.Readings.Count).Select(row => batch.Readings.Columns.Select(column => Value(column, row)).ToArray())];

    private static object? Value(ValueColumn column, int row) =>
        ColumnValues.Of(column, row) switch { JsonbValue json => json.Canonical, var value => value };
}
