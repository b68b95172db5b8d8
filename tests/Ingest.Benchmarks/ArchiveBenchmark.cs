using System.CommandLine;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Azure.Storage.Blobs;
using Ingest.TestSupport.Archives;
using Ingest.TestSupport.Processes;

namespace Ingest.Benchmarks;

/// <summary>
/// <c>ingest replay --archive</c> as a process of its own, over a native PostgreSQL: new rows, then all stored; then <c>ingest audit</c>.
/// </summary>
internal static class ArchiveBenchmark
{
    private const int Devices = 200;
    private const int MessagesInMillisecond = 10;
    private static readonly TimeSpan SampleEvery = TimeSpan.FromMilliseconds(200);
    private static readonly TimeProvider Clock = TimeProvider.System;

    public static Command Command()
    {
        var format = new Option<string>("--format") { Description = "avro, lines or captured.", DefaultValueFactory = _ => "avro" };
        var files = new Option<int>("--files") { Description = "How many files.", DefaultValueFactory = _ => 20 };
        var messages = new Option<int>("--messages") { Description = "Messages in each file.", DefaultValueFactory = _ => 100_000 };
        var blobs = new Option<bool>("--blobs") { Description = "In Azurite instead of a folder." };
        var command = new Command("archive", "A replay from an archive, and its audit: rate and memory.")
        {
            format, files, messages, blobs,
        };
        command.SetAction(async (result, cancellationToken) => await RunAsync(
            result.GetValue(format)!, result.GetValue(files), result.GetValue(messages), result.GetValue(blobs), cancellationToken));
        return command;
    }

    private static async Task<int> RunAsync(string format, int files, int messages, bool blobs, CancellationToken cancellationToken)
    {
        await using var server = await WriteBenchmarkServer.StartAsync(null, cancellationToken);
        using var folder = new ArchiveFolder();
        await using var azurite = new Azurite();
        var container = blobs ? await azurite.ContainerAsync() : null;
        var bytes = 0L;
        for (var file = 0; file < files; file++)
        {
            var content = Write(format, file * messages, messages);
            bytes += content.Length;
            await AddAsync(folder, container, file, content, cancellationToken);
        }

        var environment = new Dictionary<string, string>
        {
            ["Database__ConnectionString"] = server.ConnectionString,
            ["Archive__ConnectionString"] = blobs ? await azurite.ConnectionStringAsync() : "",
        };
        string[] replay = ["replay", "--archive", container?.Uri.ToString() ?? folder.Path, "--json"];
        var all = (long)files * messages;
        var stored = await MeasureAsync(server, environment, replay, all, "stored", cancellationToken);
        var duplicate = await MeasureAsync(server, environment, [.. replay, "--restart"], all, "duplicate", cancellationToken);
        string[] audit = ["audit", "--archive", replay[2], "--from", "2026-01-01", "--to", "2027-01-01", "--json"];
        var audited = await MeasureAsync(server, environment, audit, all, "found", cancellationToken);
        Console.WriteLine(JsonSerializer.Serialize(
            new
            {
                format,
                blobs,
                files,
                messagesInFile = messages,
                bytes,
                allNew = stored,
                allStored = duplicate,
                audited,
                server = server.Description,
                machine = Machine.Shape,
                loadAverageAfterwards = Machine.LoadAverage(),
            },
            JsonSerializerOptions.Web));
        return 0;
    }

    private static async Task<object> MeasureAsync(
        WriteBenchmarkServer server,
        Dictionary<string, string> environment,
        string[] arguments,
        long expected,
        string kind,
        CancellationToken cancellationToken)
    {
        var (started, serverBefore) = (Clock.GetTimestamp(), server.CpuSeconds());
        await using var process = CliProcess.Start(environment, arguments);
        var ended = process.EndedAsync(cancellationToken);
        var peak = 0L;
        var processor = TimeSpan.Zero;
        using var timer = new PeriodicTimer(SampleEvery, Clock);
        while (!ended.IsCompleted && await timer.WaitForNextTickAsync(cancellationToken))
        {
            if (!process.HasEnded)
            {
                peak = Math.Max(peak, process.ResidentBytes());
                processor = process.ProcessorTime();
            }
        }

        var seconds = Clock.GetElapsedTime(started).TotalSeconds;
        var result = await ended;
        if (result.ExitCode != 0 || result.Json.GetProperty(kind).GetInt64() != expected)
        {
            throw new InvalidOperationException($"The work was not done: {result}");
        }

        return new
        {
            readingsPerSecond = Math.Round(expected / seconds),
            seconds = Math.Round(seconds, 1),
            cpuMicrosecondsPerReading = Math.Round(processor.TotalMicroseconds / expected, 2),
            serverCpuMicrosecondsPerReading = Math.Round(1e6 * (server.CpuSeconds() - serverBefore ?? 0) / expected, 2),
            peakMebibytes = peak >> 20,
        };
    }

    private static async Task AddAsync(
        ArchiveFolder folder, BlobContainerClient? container, int file, byte[] content, CancellationToken cancellationToken)
    {
        if (container is null)
        {
            folder.Add(content);
        }
        else
        {
            await container.UploadBlobAsync(
                FormattableString.Invariant($"hub/0/{file:00000}"), new BinaryData(content), cancellationToken);
        }
    }

    private static byte[] Write(string format, int first, int count)
    {
        var messages = Enumerable.Range(first, count).Select(Message);
        return format switch
        {
            "avro" => ArchiveWriter.Routed(messages),
            "lines" => ArchiveWriter.Lines(messages),
            "captured" => ArchiveWriter.Captured(messages),
            _ => throw new ArgumentOutOfRangeException(nameof(format)),
        };
    }

    // A stamp of its own for each reading of a device, and a body of 120 bytes.
    private static ArchivedMessage Message(int number)
    {
        var device = string.Create(CultureInfo.InvariantCulture, $"device-{number % Devices:d3}");
        var body = string.Create(
            CultureInfo.InvariantCulture,
            $$"""{"device":"{{device}}","temperature":{{20 + (number % 500 / 100.0):f2}},"humidity":{{50 + (number % 90 / 10.0):f1}}""");
        return new ArchivedMessage(
            device,
            new DateTime(2026, 3, 1, 0, 0, 0, DateTimeKind.Utc).AddMilliseconds(number / MessagesInMillisecond),
            Encoding.UTF8.GetBytes($"{body},\"note\":\"{new string('x', 120 - body.Length - 11)}\"}}"));
    }
}
