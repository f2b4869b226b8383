using System.Runtime.InteropServices;

namespace OnnxStream.Interop.Tests.Text;

/// <summary>An OnnxStream folder that a test writes by hand.</summary>
internal sealed class TextFolder : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public string Path => _folder.Path;

    public TextFolder Lines(params string[] lines)
    {
        _folder.Write("model.txt", string.Join('\n', lines) + "\n");
        return this;
    }

    public TextFolder Weight<T>(string file, params T[] elements)
        where T : unmanaged
    {
        _folder.Write(file, MemoryMarshal.AsBytes<T>(elements));
        return this;
    }

    public TextFolder Weight(string file, TensorBuffer tensor)
    {
        _folder.Write(file, tensor.Bytes);
        return this;
    }

    public Model Load() => Model.Load(Path);

    public void Dispose() => _folder.Dispose();
}
