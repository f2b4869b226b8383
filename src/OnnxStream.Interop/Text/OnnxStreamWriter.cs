namespace OnnxStream.Interop.Text;

internal static class OnnxStreamWriter
{
    public static void Write(Model model, string folder) => throw new ModelFormatException(folder, model.Path);
}
