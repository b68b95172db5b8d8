namespace Ingest.Cli.Commands;

/// <summary>One setting, for help.</summary>
internal sealed record Setting(string Section, string Name, string Description)
{
    public Setting(string fullName, string description)
        : this(fullName[..fullName.IndexOf(':', StringComparison.Ordinal)], fullName, description)
    {
    }
}

/// <summary>Every setting by name, with its unit and default. A test compares it with the settings classes.</summary>
internal static class SettingsCatalog
{
    public static IReadOnlyList<Setting> All { get; } =
    [
        new(
            "Hub:ConnectionString",
            "Event Hubs-compatible connection string, with EntityPath (required, unless Hub:FullyQualifiedNamespace is given)."),
        new(
            "Hub:FullyQualifiedNamespace",
            "Instead: an event hub's host name, read under a Microsoft Entra identity. Needs Hub:Name. Not for IoT Hub's built-in "
                + "endpoint."),
        new("Hub:Name", "The event hub. Default: EntityPath of the connection string."),
        new(
            "Hub:Identity",
            "What checkpoints, dead letters and counts call the hub; keep the old one over a failover. Default: host/name."),
        new("Hub:ConsumerGroup", "The consumer group. Default: $Default."),
        new("Hub:Partitions:0", "The partitions to read, one by one. Default: all."),
        new("Hub:Transport", "Amqp (port 5671) or AmqpWebSockets (port 443). Default: Amqp, or TransportType of the connection string."),
        new("Hub:Proxy", "An HTTP proxy for AmqpWebSockets: http://host:port. Default: the machine's."),
        new("Hub:PrefetchEvents", "Most events of a partition fetched ahead. Default: 300."),
        new("Hub:PrefetchBytes", "About how many bytes of them. Default: 4194304."),
        new("Hub:MaxBatchEvents", "Most events of a partition in one batch. Default: 100; small batches are the fast ones."),
        new("Hub:OperationTimeoutSeconds", "Longest wait for connecting or for one request. Default: 30."),
        new("Hub:IdleTimeoutSeconds", "Silence after which a connection counts as dead. Default: 60."),
        new("Hub:MaxRetryDelaySeconds", "Longest pause before reconnecting. Default: 30."),
        new("Hub:LagIntervalSeconds", "How often each partition's end is asked for. Default: 10."),
        new("Hub:LoadBalancingIntervalSeconds", "How often a worker renews its partitions and looks for others to take. Default: 3."),
        new("Hub:OwnershipExpirySeconds", "After how long without renewal a worker's partitions are free for others. Default: 30."),
        new("Database:ConnectionString", "Host=…;Database=…;Username=…;Password=…, or postgres://user:password@host/database (required)."),
        new("Database:EntraAuthentication", "Log in by a Microsoft Entra token instead of a password. Default: false."),
        new("Database:CommandTimeoutSeconds", "Longest wait for one statement. Default: 30."),
        new("Database:ConnectTimeoutSeconds", "Longest wait for a connection. Default: 15."),
        new("Database:Copy", "Whether the server takes COPY FROM STDIN. Default: true."),
        new("Telemetry:Table", "The table, schema.table where it is not in the search path. Default: conditions."),
        new("Telemetry:Shape", "Wide (a row for each reading) or Narrow (a row for each value). Default: Wide."),
        new("Telemetry:MetricColumn", "The text column of a narrow table that names what the value is. Default: metric."),
        new("Telemetry:ValueColumn", "The double precision column of a narrow table. Default: value."),
        new("Telemetry:TimeColumn", "The column of the row's time, a timestamptz. Default: time."),
        new("Telemetry:DeviceColumn", "The column of the device. Default: device."),
        new("Telemetry:DeviceType", "That column's type: Text (also varchar) or Uuid, for device ids that are uuids. Default: Text."),
        new("Telemetry:Columns:0:Name", "A mapped column. Default: temperature and humidity, both Double."),
        new(
            "Telemetry:Columns:0:From",
            "Its place: a.b, a[0].b or ['a.b'] in the reading, $.a.b in the body, property:name, annotation:name or module. Default: its "
                + "name."),
        new("Telemetry:Columns:0:Type", "Double, Real, Bigint, Integer, Boolean, Text, Timestamptz or Jsonb. Default: Double."),
        new("Telemetry:Columns:0:Format", "Of a Timestamptz column: as Telemetry:TimeFormat. Default: Iso8601."),
        new("Telemetry:Columns:0:Convert", "Convert text to numbers and truth values, and numbers to text. Default: false."),
        new("Telemetry:Columns:0:Required", "Dead-letter a reading without this value. Default: false."),
        new("Telemetry:PayloadColumn", "A jsonb column for the whole reading. Default: none."),
        new("Telemetry:Envelope", "What stands around a body: EventGrid, CloudEvents or IoTHubRouting. Default: None."),
        new("Telemetry:Readings", "Where in the body its readings are, such as metrics[*]. Default: the body, or its array's elements."),
        new("Telemetry:IgnoreCase", "Match the names in bodies in any case. Default: false."),
        new("Telemetry:AllowEmpty", "Store a reading in which nothing mapped occurs as a row of NULLs. Default: false, dead-lettered."),
        new(
            "Telemetry:TimeSource",
            "IotHub (iothub-enqueuedtime), EventHub (x-opt-enqueued-time), or the device's own time at body:…, property:… or annotation:…. "
                + "Default: IotHub."),
        new("Telemetry:TimeFormat", "Of the device's time: Iso8601, EpochSeconds, EpochMilliseconds, EpochMicroseconds. Default: Iso8601."),
        new("Telemetry:TimeZone", "Offset of ISO 8601 times that name none: Z or +02:00. Default: none, they cannot be read."),
        new("Telemetry:WithoutTime", "Where the device's time is missing or unreadable: DeadLetter or Stamp. Default: DeadLetter."),
        new("Telemetry:EarliestAccepted", "Readings stamped before are dead-lettered. Default: 2015-01-01T00:00:00Z."),
        new("Telemetry:OldestAccepted", "Readings older than this span (d.hh:mm:ss) are ignored. Default: none."),
        new(
            "Telemetry:RetentionDays",
            "Days that the default table keeps; older chunks or partitions are dropped. Default: 0, all are kept."),
        new("Telemetry:DeviceFrom", "The place where a message names its device. Default: device."),
        new("Telemetry:IgnoreBodyDevice", "What a message says of its device is a label, and not looked at. Default: false."),
        new("Telemetry:AllowBodyDevice", "Take the device from Telemetry:DeviceFrom where the hub names none. Default: false."),
        new("Telemetry:Gateways:0", "Devices that may name another device in their bodies. Default: none."),
        new("Commit:MaxRows", "Most readings in one transaction. Default: 5000."),
        new("Commit:MaxBytes", "Most bytes in one transaction: bodies, and the text and JSON taken from them. Default: 8388608."),
        new("Commit:MaxDelayMilliseconds", "How long a batch waits for others. Default: 0."),
        new("Commit:Writers", "Transactions at a time; a partition keeps to its writer. Default: 1."),
        new("Commit:ExpectDuplicates", "Compare with the stored rows before writing. Default: false; a replay always does."),
        new("Commit:GiveUpAfterSeconds", "Give up on a batch that could not be stored for this long. Default: 0, never."),
        new("Commit:AcceptDifferences", "Store a flush even where it contradicts what is stored. Default: false."),
        new(
            "Commit:DifferencesToRefuse",
            "A flush is refused when at least this many of its readings are already stored and most of those differ. Default: 1000; in "
                + "a replay 100."),
        new("DeadLetters:RetentionDays", "Days a dead letter is kept; 0 for ever. Default: 30."),
        new("DeadLetters:QuotaPerDeviceAndDay", "Most dead letters kept of a device and day; past it one in a hundred. Default: 10000."),
        new(
            "DeadLetters:QuotaMegabytesPerDeviceAndDay",
            "Most megabytes of dead letters kept of a device and day; past it none. Default: 100."),
        new("DeadLetters:QuotaPerDay", "Most dead letters kept of all devices and a day; past it none. Default: 1000000."),
        new(
            "DeadLetters:QuotaMegabytesPerDay",
            "Most megabytes of dead letters kept of all devices and a day; past it none. Default: 1000."),
        new("Archive:ConnectionString", "The storage account of an archive in blobs. Default: none."),
        new(
            "Archive:SharedAccessSignature",
            "Instead: a signature that may list and read the container. Default: none; with neither, a Microsoft Entra identity."),
        new("Health:Port", "Port of /healthz and /readyz; 0 for none. Default: 8080."),
        new("Health:Address", "Address they listen on. Default: 127.0.0.1; in a container 0.0.0.0."),
        new("Health:Hosts:0", "Names by which the probes may be asked, besides localhost and IP addresses. Default: none."),
        new("Health:Url", "Where status asks the worker: http://host:port. Default: that port and address on this machine."),
    ];

    /// <summary>The sections that a command reads.</summary>
    public static IReadOnlyList<string> SectionsOf(string command) => command switch
    {
        "run" => ["Hub", "Database", "Telemetry", "Commit", "DeadLetters", "Health"],
        "replay" => ["Hub", "Database", "Telemetry", "Commit", "DeadLetters", "Archive"],
        "up" => ["Telemetry", "Commit", "DeadLetters"],
        "simulate" => ["Hub"],
        "migrate" => ["Database"],
        "status" => ["Hub", "Database", "Telemetry", "Health"],
        "list" or "show" => ["Database"],
        _ => [],
    };
}
