namespace OnnxStream.Interop.Text;

internal static class OnnxStreamReader
{
    public const string FileName = "model.txt";

    public static Model Read(string path) => throw new ModelFormatException(path, "to come");
}
