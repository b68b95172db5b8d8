using System.ComponentModel.DataAnnotations;

namespace Ingest.Cli.Hosting;

/// <summary>Where the worker answers health probes: section <c>Health</c>.</summary>
internal sealed class HealthSettings
{
    public const string Section = "Health";

    /// <summary>The port of <c>/healthz</c> and <c>/readyz</c>; 0 for none. Default: 8080.</summary>
    [Range(0, 65_535)]
    public int Port { get; set; } = 8080;

    /// <summary>The address they listen on. Default: 127.0.0.1.</summary>
    [Required(AllowEmptyStrings = false)]
    public string Address { get; set; } = "127.0.0.1";
}
