using System.Net;
using System.Net.Sockets;
using System.Text;
using Ingest.Worker.Hosting;
using Xunit;

namespace Ingest.Tests.Hosting;

/// <summary>Whatever answers where a worker should.</summary>
public sealed class HealthClientTests
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task An_answer_without_end_is_cut_off_and_named()
    {
        var (answer, sent) = await AskAsync("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n", endless: true);

        Assert.Null(answer.Report);
        Assert.Contains("more than 1 MiB", answer.Error, StringComparison.Ordinal);
        Assert.InRange(sent, 1, 64 * 1024 * 1024);
    }

    [Theory]
    [InlineData("""{"ready":true,"hub":null,"consumerGroup":"g","database":{"state":"working"},"partitions":[]}""")]
    [InlineData("""{"ready":true,"hub":"h","consumerGroup":"g","database":null,"partitions":[]}""")]
    [InlineData("""{"ready":true,"hub":"h","consumerGroup":"g","database":{"state":"working"},"partitions":null}""")]
    [InlineData("""{"ready":true,"hub":"h","consumerGroup":"g","database":{"state":"working"},"partitions":[null]}""")]
    [InlineData("[[[[")]
    public async Task An_answer_that_lacks_its_parts_is_a_strangers(string body)
    {
        var (answer, _) = await AskAsync($"HTTP/1.1 200 OK\r\nContent-Length: {body.Length}\r\nConnection: close\r\n\r\n{body}", endless: false);

        Assert.Null(answer.Report);
        Assert.Contains("something else than a worker", answer.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_user_and_password_in_its_address_are_never_shown()
    {
        using var listener = Listener(out var port);
        listener.Stop();
        var away = await HealthClient.AskAsync(new HealthSettings { Url = $"http://operator:hunter2@127.0.0.1:{port}" }, Stop);
        var wrong = await Assert.ThrowsAsync<StartUpException>(() => HealthClient.AskAsync(new HealthSettings { Url = "operator:hunter2@worker" }, Stop));

        Assert.DoesNotContain("hunter2", $"{away.Url} {away.Error} {wrong.Message}", StringComparison.Ordinal);
        Assert.DoesNotContain("operator", $"{away.Url} {away.Error} {wrong.Message}", StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("", true)]
    [InlineData("localhost", true)]
    [InlineData("10.0.0.7", true)]
    [InlineData("[::1]", true)]
    [InlineData("Worker.plant", true)]
    [InlineData("attacker.example", false)]
    [InlineData("127.0.0.1.attacker.example", false)]
    [InlineData("localhost.attacker.example", false)]
    public void Only_addresses_localhost_and_listed_names_are_answered(string host, bool answered) =>
        Assert.Equal(answered, new HealthSettings { Hosts = { "worker.plant" } }.Answers(host));

    private static TcpListener Listener(out int port)
    {
        var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        port = ((IPEndPoint)listener.LocalEndpoint).Port;
        return listener;
    }

    private static async Task<(WorkerAnswer Answer, long Sent)> AskAsync(string head, bool endless)
    {
        using var listener = Listener(out var port);
        var serving = ServeAsync(listener, Encoding.ASCII.GetBytes(head), endless);
        var answer = await HealthClient.AskAsync(new HealthSettings { Port = port }, Stop);
        return (answer, await serving);
    }

    // Up to 600 MB, as long as somebody takes them.
    private static async Task<long> ServeAsync(TcpListener listener, byte[] head, bool endless)
    {
        using var client = await listener.AcceptTcpClientAsync(Stop);
        await using var stream = client.GetStream();
        var sent = 0L;
        try
        {
            var request = new byte[4096];
            await stream.ReadAtLeastAsync(request, 1, cancellationToken: Stop);
            await stream.WriteAsync(head, Stop);
            var block = new byte[1024 * 1024];
            Array.Fill(block, (byte)' ');
            while (endless && sent < 600L * 1024 * 1024)
            {
                await stream.WriteAsync(block, Stop);
                sent += block.Length;
            }
        }
        catch (IOException)
        {
            // Cut off.
        }

        return sent;
    }
}
