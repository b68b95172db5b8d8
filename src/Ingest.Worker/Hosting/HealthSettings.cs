using System.ComponentModel.DataAnnotations;
using System.Net;

namespace Ingest.Worker.Hosting;

/// <summary>Where the worker answers health probes: section <c>Health</c>.</summary>
public sealed class HealthSettings
{
    public const string Section = "Health";

    /// <summary>The port of <c>/healthz</c> and <c>/readyz</c>; 0 for none. Default: 8080.</summary>
    [Range(0, 65_535)]
    public int Port { get; set; } = 8080;

    /// <summary>The address they listen on. Default: 127.0.0.1.</summary>
    [Required(AllowEmptyStrings = false)]
    public string Address { get; set; } = "127.0.0.1";

    /// <summary>
    /// Where <c>ingest status</c> asks a worker, as <c>http://host:port</c>. Default: the port and address above, on this machine.
    /// </summary>
    public string Url { get; set; } = "";

    /// <summary>
    /// Names under which the probes may be asked, besides <c>localhost</c> and IP addresses. Any other Host header is refused, so that a
    /// web page in somebody's browser cannot read them. Default: none.
    /// </summary>
    public IList<string> Hosts { get; } = [];

    /// <summary>Whether a request with this Host header, without its port, is answered. One without any comes from no browser.</summary>
    public bool Answers(string host)
    {
        ArgumentNullException.ThrowIfNull(host);
        return host.Length == 0
            || host.Equals("localhost", StringComparison.OrdinalIgnoreCase)
            || IPAddress.TryParse(host, out _)
            || Hosts.Contains(host, StringComparer.OrdinalIgnoreCase);
    }

    /// <exception cref="StartUpException"><see cref="Address"/> is none.</exception>
    public IPAddress ListenAddress() => IPAddress.TryParse(Address, out var address)
        ? address
        : throw new StartUpException($"Health:Address '{Address}' is no IP address: use 127.0.0.1, or 0.0.0.0 in a container.");
}
