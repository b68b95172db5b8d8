using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Threading.Channels;
using Ingest.TestSupport;
using Ingest.TestSupport.Processes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace Ingest.FunctionsTests.Support;

/// <summary>
/// Starts the Function app as a process and calls it as the Functions host does: over the worker protocol (gRPC), and over HTTP for the
/// requests. The fields' numbers are those of AzureFunctionsRpcMessages.
/// </summary>
internal sealed class FunctionsHost : IAsyncDisposable
{
    private readonly WebApplication _server;
    private readonly Channel<byte[]> _outgoing = Channel.CreateUnbounded<byte[]>();
    private readonly ConcurrentDictionary<string, string> _functions = new();
    private readonly ConcurrentQueue<LogLine> _log = [];
    private readonly TaskCompletionSource _started = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly HttpClient _http = new() { Timeout = TimeSpan.FromMinutes(3) };
    // A new machine's: what is made once a user is made again.
    private readonly DirectoryInfo _home = Directory.CreateTempSubdirectory("ingest-functions-");

    private CliProcess? _app;
    private int _loaded;

    private FunctionsHost(WebApplication server) => _server = server;

    /// <summary>What the app has logged through the host; a line without a category is what the worker tells of itself.</summary>
    public IReadOnlyList<LogLine> Log => [.. _log.Where(line => line.Category.Length > 0)];

    /// <summary>The functions that it has loaded.</summary>
    public IEnumerable<string> Functions => _functions.Keys;

    /// <summary>The app's folder, as it is deployed.</summary>
    public static string Folder => AppContext.BaseDirectory;

    /// <summary>Starts the app and waits until it has loaded its functions.</summary>
    /// <exception cref="InvalidOperationException">It ended before; the message has what it said.</exception>
    public static async Task<FunctionsHost> StartAsync(IReadOnlyDictionary<string, string> settings)
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(
            kestrel => kestrel.Listen(IPAddress.Loopback, 0, listen => listen.Protocols = HttpProtocols.Http2));
        var host = new FunctionsHost(builder.Build());
        host._server.Run(host.TalkAsync);
        await host._server.StartAsync();
        host._app = Start(new Dictionary<string, string>(settings) { ["HOME"] = host._home.FullName }, host._server.Urls.Single());
        var ended = host._app.EndAsync();
        if (await Task.WhenAny(host._started.Task, ended) == ended)
        {
            await host.DisposeAsync();
            throw new InvalidOperationException((await ended).ToString());
        }

        await Eventually.IsTrueAsync(host.ListensAsync);
        return host;
    }

    /// <summary>Starts the app where no host needs to answer: it ends on its settings before it speaks to one.</summary>
    public static async Task<CliResult> EndAsync(IReadOnlyDictionary<string, string> settings)
    {
        await using var app = Start(settings, "http://127.0.0.1:1");
        return await app.EndAsync();
    }

    /// <summary>Calls a function: tells the worker, and passes the request on.</summary>
    public Call Begin(string function, string path, params IEnumerable<(string Name, string Value)> routeValues)
    {
        var invocation = Guid.NewGuid().ToString();
        var request = new ProtocolMessage().With(1, invocation).With(2, _functions[function])
            .With(3, new ProtocolMessage().With(1, "request").With(2, new ProtocolMessage().With(5, new ProtocolMessage().With(1, "GET"))))
            .With(5, new ProtocolMessage());
        foreach (var (name, value) in routeValues)
        {
            request.With(4, new ProtocolMessage().With(1, name).With(2, new ProtocolMessage().With(1, value)));
        }

        Send(4, request);
        var message = new HttpRequestMessage(HttpMethod.Get, new Uri(HttpAddress, path))
        {
            Headers = { { "x-ms-invocation-id", invocation } },
        };
        return new Call(_http.SendAsync(message), () => Send(21, new ProtocolMessage().With(2, invocation)));
    }

    public async ValueTask DisposeAsync()
    {
        if (_app is not null)
        {
            await _app.DisposeAsync();
        }

        _http.Dispose();
        _home.Delete(recursive: true);
        await _server.DisposeAsync();
    }

    private Uri HttpAddress { get; set; } = null!;

    // Its server is started after the worker.
    private async Task<bool> ListensAsync()
    {
        using var client = new TcpClient();
        try
        {
            await client.ConnectAsync(HttpAddress.Host, HttpAddress.Port);
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    private static CliProcess Start(IReadOnlyDictionary<string, string> settings, string host) => CliProcess.StartProgram(
        "Ingest.FunctionsApp.dll",
        new Dictionary<string, string>(settings) { ["FUNCTIONS_APPLICATION_DIRECTORY"] = Folder },
        $"--Functions:Worker:HostEndpoint={host}",
        "--Functions:Worker:WorkerId=worker",
        "--Functions:Worker:RequestId=start",
        "--Functions:Worker:GrpcMaxMessageLength=10000000");

    // One stream of gRPC: frames of a byte (compressed or not), a length and a message, both ways.
    private async Task TalkAsync(HttpContext context)
    {
        context.Response.ContentType = "application/grpc";
        await context.Response.StartAsync();
        var sending = SendAsync(context);
        var head = new byte[5];
        try
        {
            while (await context.Request.Body.ReadAtLeastAsync(head, head.Length, throwOnEndOfStream: false) == head.Length)
            {
                var message = new byte[BinaryPrimitives.ReadInt32BigEndian(head.AsSpan(1))];
                await context.Request.Body.ReadExactlyAsync(message);
                foreach (var (field, _, bytes) in ProtocolMessage.Read(message))
                {
                    Take(field, bytes);
                }
            }
        }
        catch (IOException)
        {
            // The app was killed.
        }

        _outgoing.Writer.TryComplete();
        await sending;
    }

    private async Task SendAsync(HttpContext context)
    {
        await foreach (var message in _outgoing.Reader.ReadAllAsync())
        {
            var frame = new byte[5 + message.Length];
            BinaryPrimitives.WriteInt32BigEndian(frame.AsSpan(1), message.Length);
            message.CopyTo(frame, 5);
            await context.Response.Body.WriteAsync(frame);
            await context.Response.Body.FlushAsync();
        }
    }

    private void Send(int field, ProtocolMessage message) =>
        _outgoing.Writer.TryWrite(new ProtocolMessage().With(1, "request").With(field, message).ToArray());

    private void Take(int field, byte[] message)
    {
        switch (field)
        {
            case 20:
                Send(17, new ProtocolMessage().With(1, "4.0").With(5, Folder));
                break;
            case 16:
                HttpAddress = new Uri(ProtocolMessage.Read(message).Where(found => found.Field == 2)
                    .Where(found => ProtocolMessage.Text(found.Bytes, 1) == "HttpUri")
                    .Select(found => ProtocolMessage.Text(found.Bytes, 2))
                    .Single());
                Send(29, new ProtocolMessage().With(1, Folder));
                break;
            case 30:
                foreach (var (_, _, function) in ProtocolMessage.Read(message).Where(found => found.Field == 1))
                {
                    _functions[ProtocolMessage.Text(function, 4)] = ProtocolMessage.Text(function, 13);
                    Send(8, new ProtocolMessage().With(1, ProtocolMessage.Text(function, 13)).With(2, function));
                }

                break;
            case 9 when Interlocked.Increment(ref _loaded) == _functions.Count:
                _started.TrySetResult();
                break;
            case 2:
                _log.Enqueue(new LogLine(
                    ProtocolMessage.Text(message, 2),
                    ProtocolMessage.Text(message, 4),
                    ProtocolMessage.Text(ProtocolMessage.Bytes(message, 6), 1)));
                break;
        }
    }
}

/// <summary>A line of the app's log.</summary>
internal sealed record LogLine(string Category, string Message, string StackTrace);

/// <summary>A call under way.</summary>
/// <param name="Answer">What the caller gets.</param>
/// <param name="Cancel">Cancels it, as the host does.</param>
internal sealed record Call(Task<HttpResponseMessage> Answer, Action Cancel);
