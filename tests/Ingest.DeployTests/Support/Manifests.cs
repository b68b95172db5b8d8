using System.Text.RegularExpressions;
using k8s;
using k8s.Models;
using Xunit;

namespace Ingest.DeployTests.Support;

/// <summary>Rendered manifests, each read into its typed model; a field that the model does not have fails.</summary>
internal sealed class Manifests
{
    private static readonly Dictionary<string, Func<string, object>> Readers = new()
    {
        ["v1 Namespace"] = Read<V1Namespace>,
        ["v1 ServiceAccount"] = Read<V1ServiceAccount>,
        ["v1 ConfigMap"] = Read<V1ConfigMap>,
        ["apps/v1 Deployment"] = Read<V1Deployment>,
        ["batch/v1 Job"] = Read<V1Job>,
        ["policy/v1 PodDisruptionBudget"] = Read<V1PodDisruptionBudget>,
        ["networking.k8s.io/v1 NetworkPolicy"] = Read<V1NetworkPolicy>,
        ["keda.sh/v1alpha1 ScaledObject"] = Read<KedaScaledObject>,
        ["keda.sh/v1alpha1 TriggerAuthentication"] = Read<KedaTriggerAuthentication>,
    };

    private readonly List<object> _all = [];

    private Manifests(string rendered)
    {
        foreach (var document in Regex.Split(rendered, "^---$", RegexOptions.Multiline))
        {
            var kind = $"{Field(document, "apiVersion")} {Field(document, "kind")}";
            Assert.True(Readers.TryGetValue(kind, out var reader), $"No model for {kind}");
            _all.Add(reader!(document));
        }
    }

    public IReadOnlyList<object> All => _all;

    /// <summary>The pods of every workload.</summary>
    public IEnumerable<V1PodSpec> Pods =>
        _all.OfType<V1Deployment>().Select(deployment => deployment.Spec.Template.Spec)
            .Concat(_all.OfType<V1Job>().Select(job => job.Spec.Template.Spec));

    public IEnumerable<V1Container> Containers =>
        Pods.SelectMany(pod => pod.Containers.Concat(pod.InitContainers ?? []));

    /// <summary>What an overlay makes of the base, as the README says.</summary>
    /// <param name="overlay">The lines after <c>kind: Kustomization</c>, with the manifests' folder as <c>MANIFESTS</c>.</param>
    public static async Task<Manifests> RenderAsync(string overlay)
    {
        var folder = Directory.CreateTempSubdirectory("ingest-overlay-").FullName;
        var manifests = Path.GetRelativePath(folder, Path.Combine(DeployFolder.Root, "deploy", "aks", "manifests"));
        await File.WriteAllTextAsync(
            Path.Combine(folder, "kustomization.yaml"),
            $"""
            apiVersion: kustomize.config.k8s.io/v1beta1
            kind: Kustomization
            {overlay.Replace("MANIFESTS", manifests, StringComparison.Ordinal)}
            """);
        return new Manifests(await Kubectl.KustomizeAsync(folder));
    }

    public T The<T>()
        where T : class => Assert.Single(_all.OfType<T>());

    private static string Field(string document, string name) =>
        Regex.Match(document, $"^{name}: (?<value>.+)$", RegexOptions.Multiline).Groups["value"].Value;

    private static object Read<T>(string document)
        where T : class => KubernetesYaml.Deserialize<T>(document, strict: true);
}

/// <summary>KEDA's ScaledObject (keda.sh/v1alpha1), as far as it is used.</summary>
public sealed class KedaScaledObject
{
    public string ApiVersion { get; set; } = "";

    public string Kind { get; set; } = "";

    public V1ObjectMeta Metadata { get; set; } = new();

    public KedaScaling Spec { get; set; } = new();
}

public sealed class KedaScaling
{
    public V2CrossVersionObjectReference ScaleTargetRef { get; set; } = new();

    public int MinReplicaCount { get; set; }

    public int MaxReplicaCount { get; set; }

    public int PollingInterval { get; set; }

    public int CooldownPeriod { get; set; }

    public KedaAdvanced Advanced { get; set; } = new();

    public IList<KedaTrigger> Triggers { get; set; } = [];
}

public sealed class KedaAdvanced
{
    public KedaAutoscaler HorizontalPodAutoscalerConfig { get; set; } = new();
}

public sealed class KedaAutoscaler
{
    public V2HorizontalPodAutoscalerBehavior Behavior { get; set; } = new();
}

public sealed class KedaTrigger
{
    public string Type { get; set; } = "";

    public V1LocalObjectReference AuthenticationRef { get; set; } = new();

    public Dictionary<string, string> Metadata { get; set; } = [];
}

/// <summary>KEDA's TriggerAuthentication (keda.sh/v1alpha1), as far as it is used.</summary>
public sealed class KedaTriggerAuthentication
{
    public string ApiVersion { get; set; } = "";

    public string Kind { get; set; } = "";

    public V1ObjectMeta Metadata { get; set; } = new();

    public KedaAuthentication Spec { get; set; } = new();
}

public sealed class KedaAuthentication
{
    public KedaPodIdentity PodIdentity { get; set; } = new();

    public IList<KedaSecret> SecretTargetRef { get; set; } = [];
}

public sealed class KedaPodIdentity
{
    public string Provider { get; set; } = "";

    public string IdentityId { get; set; } = "";
}

public sealed class KedaSecret
{
    public string Parameter { get; set; } = "";

    public string Name { get; set; } = "";

    public string Key { get; set; } = "";
}
