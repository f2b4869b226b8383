using System.Globalization;
using System.IO.Hashing;
using System.Text;
using OnnxStream.Interop.Bindings;

namespace OnnxStream.Interop.Panels;

/// <summary>The packed panels of one model, kept in files. All plans of the model share them.</summary>
/// <remarks>
/// Panels are found by the identity of their layer, which depends on the weight, the division into panels and the layout of the kernel, so that a
/// plan for another batch or for activations in half precision finds those of the first plan. Panels that a plan misses go into a file of
/// their own beside the first (<c>NAME.2.panels</c>): a file that is complete never changes, and other processes may have it mapped.
/// </remarks>
internal sealed class PanelStore
{
    private readonly string _path;
    private readonly UInt128 _identity;
    private readonly List<PanelStorePart> _parts = [];

    // Files that belong to something else, and those that plans will write: their names are taken.
    private readonly Dictionary<string, string> _stale = [];
    private readonly HashSet<string> _reserved = [];

    private PanelStore(string path, UInt128 identity, PanelFormatChoice formats)
    {
        _path = path;
        _identity = identity;
        Formats = formats;
        FindParts();
    }

    /// <summary>The formats that were chosen for the panels. Layers whose weights they do not take have other ones.</summary>
    public PanelFormatChoice Formats { get; }

    /// <summary>The first file.</summary>
    public string Path => _path;

    /// <summary>Opens the store of a model. It need not be there.</summary>
    /// <param name="options">Which file.</param>
    /// <param name="modelPath">The model.</param>
    /// <param name="modelIdentity">What says that weights are the same: the files that they lie in, with their sizes and versions.</param>
    public static unsafe PanelStore Open(PanelStoreOptions options, string modelPath, string modelIdentity)
    {
        PanelFormatChoice formats = options.Choice;
        nuint length = Xnnpack.xnn_experimental_get_build_identifier_size();
        ReadOnlySpan<byte> build = new(Xnnpack.xnn_experimental_get_build_identifier_data(), (int)length);
        UInt128 identity = XxHash128.HashToUInt128([.. Encoding.UTF8.GetBytes($"{modelPath}\n{modelIdentity}\n{formats.Identity}\n"), .. build]);
        string path = options.Path ?? System.IO.Path.Combine(PanelStoreOptions.CacheFolder, $"{identity:x32}{PanelStorePart.Extension}");
        return new PanelStore(path, identity, formats);
    }

    /// <summary>The identity of a layer as the store finds it by.</summary>
    public static UInt128 Hash(string layerIdentity) => XxHash128.HashToUInt128(Encoding.UTF8.GetBytes(layerIdentity));

    /// <summary>The panels of a layer; null if they are in no file.</summary>
    public StoredPanels? Find(IPanelLayer layer)
    {
        (UInt128 hash, long[] lengths) = Describe(layer);
        return _parts.Select(part => part.Find(hash, lengths, layer.Format)).FirstOrDefault(found => found is not null);
    }

    /// <summary>The panels of a layer in a file that is not there yet.</summary>
    /// <param name="layer">The layer.</param>
    /// <param name="part">The file; made where it is null.</param>
    /// <param name="isNew">Whether the file did not have them: another layer may use the same weight.</param>
    public StoredPanels Add(IPanelLayer layer, ref PanelStorePart? part, out bool isNew)
    {
        (UInt128 hash, long[] lengths) = Describe(layer);
        part ??= new PanelStorePart(ReservePath(), Formats.Name);
        StoredPanels? found = part.Find(hash, lengths, layer.Format);
        isNew = found is null;
        return found ?? part.Add(hash, lengths, layer.Format);
    }

    /// <summary>Why a file is written: there is none yet, or the one that is there belongs to something else.</summary>
    public string ReasonFor(PanelStorePart part) => _stale.GetValueOrDefault(part.Path, "there is none yet");

    /// <summary>Starts to write a file.</summary>
    /// <param name="part">What is written.</param>
    /// <param name="modelPath">The model, for those who look at the store.</param>
    /// <param name="blocks">How many blocks of <see cref="BlockWriter.BlockBytes"/> may be in memory at once.</param>
    public StoreWriter Write(PanelStorePart part, string modelPath, int blocks) => new(part, _identity, modelPath, blocks, replaces: _stale.ContainsKey(part.Path), IsUsable);

    /// <summary>Whether somebody else has put a file where one will be written.</summary>
    public bool IsTaken(PanelStorePart part) => File.Exists(part.Path) && (!_stale.ContainsKey(part.Path) || IsUsable(part.Path));

    /// <summary>Looks for files that others have written since.</summary>
    public void Refresh()
    {
        ForgetLost();
        _stale.Clear();
        FindParts();
    }

    /// <summary>Says that a file has been written: it belongs to the store now.</summary>
    public void Keep(PanelStorePart part)
    {
        _parts.Add(part);
        _stale.Remove(part.Path);
        foreach (string other in _stale.Keys.Where(File.Exists))
        {
            // Left behind by another model or version that had the name before.
            File.Delete(other);
        }

        _stale.Clear();
    }

    /// <summary>Says that a file will not be written: its plan is given up. Another plan may take its name.</summary>
    public void Release(PanelStorePart part) => _reserved.Remove(part.Path);

    /// <summary>Forgets files that have gone, such as those with a damaged panel.</summary>
    public void ForgetLost() => _parts.RemoveAll(part => !File.Exists(part.Path));

    private (UInt128 Hash, long[] Lengths) Describe(IPanelLayer layer) =>
        (Hash($"{layer.Format.Identity}:{layer.Identity}"), [.. Enumerable.Range(0, layer.PanelCount).Select(panel => layer.Format.StoredBytes(layer.PackedBytes(panel)))]);

    private void FindParts()
    {
        string folder = System.IO.Path.GetDirectoryName(_path)!;
        string pattern = $"{System.IO.Path.GetFileNameWithoutExtension(_path)}.*{System.IO.Path.GetExtension(_path)}";
        IEnumerable<string> others = Directory.Exists(folder) ? Directory.EnumerateFiles(folder, pattern).Where(IsPart).Order(StringComparer.Ordinal) : [];
        foreach (string path in others.Prepend(_path).Where(path => File.Exists(path) && !_parts.Exists(part => part.Path == path)))
        {
            if (PanelStorePart.TryOpen(path, _identity, Formats.Name, out string reason) is { } found)
            {
                _parts.Add(found);
            }
            else
            {
                _stale.Add(path, reason);
            }
        }
    }

    private bool IsUsable(string path) => PanelStorePart.TryOpen(path, _identity, Formats.Name, out _) is not null;

    private bool IsPart(string path) =>
        int.TryParse(System.IO.Path.GetExtension(System.IO.Path.GetFileNameWithoutExtension(path)).TrimStart('.'), NumberStyles.None, CultureInfo.InvariantCulture, out int number) && path == PathOf(number);

    private string ReservePath()
    {
        int number = 1;
        while (_parts.Exists(part => part.Path == PathOf(number)) || !_reserved.Add(PathOf(number)))
        {
            number++;
        }

        return PathOf(number);
    }

    private string PathOf(int number) => number == 1 ? _path :
        System.IO.Path.Combine(System.IO.Path.GetDirectoryName(_path)!, $"{System.IO.Path.GetFileNameWithoutExtension(_path)}.{number}{System.IO.Path.GetExtension(_path)}");
}
