namespace OnnxStream.Interop.Weights;

/// <summary>The files that the streams of a provider have mapped: one mapping for each file, whoever uses it. Two of one file would count its pages twice.</summary>
internal sealed class MappedFiles
{
    private readonly Dictionary<Key, (FileMapping Mapping, int Users)> _mappings = [];
    private readonly Lock _lock = new();

    /// <summary>How many mappings there are.</summary>
    public int Count
    {
        get
        {
            lock (_lock)
            {
                return _mappings.Count;
            }
        }
    }

    /// <summary>The mapping of a file, which must be given back.</summary>
    /// <param name="key">The file.</param>
    /// <param name="map">Maps it, if nobody has yet.</param>
    public FileMapping Take(Key key, Func<FileMapping> map)
    {
        lock (_lock)
        {
            (FileMapping? mapping, int users) = _mappings.GetValueOrDefault(key);
            mapping ??= map();
            _mappings[key] = (mapping, users + 1);
            return mapping;
        }
    }

    /// <summary>Gives a mapping back; when nobody uses it any more, it goes.</summary>
    /// <param name="key">The file.</param>
    public void Return(Key key)
    {
        lock (_lock)
        {
            (FileMapping mapping, int users) = _mappings[key];
            if (users > 1)
            {
                _mappings[key] = (mapping, users - 1);
                return;
            }

            _mappings.Remove(key);
            mapping.Dispose();
        }
    }

    /// <summary>A file as it was when it was opened: one that has been replaced is another.</summary>
    /// <param name="Path">The file.</param>
    /// <param name="Length">Its bytes.</param>
    /// <param name="Changed">When it was changed last.</param>
    public readonly record struct Key(string Path, long Length, DateTime Changed);
}
